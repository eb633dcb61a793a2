"""Stitchable Neural Networks (SN-Net, CVPR 2023): the method.

Torch-free modules (fast to import): `config`, `routes`, `space`.
The rest needs torch and timm: `data`, `anchors`, `network`, `initialisation`, `sampling`,
`training`, `evaluation`, `cost`, `pretraining`, `experiment`.
"""
