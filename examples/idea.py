"""An idea of one's own against all others: `ablate run examples/idea.py`, then `ablate report`."""

from snnet.pieces import SAMPLERS
from studies.experiments.field import against_field


@SAMPLERS.register("by_cost")
def by_cost(network, config):
    """Draw stitches in proportion to their MACs: dearer ones have more to learn."""
    import torch

    weights = torch.tensor([float(macs) for macs, _ in network.costs()])

    def draw(draws, visits):
        return [int(torch.multinomial(weights, 1, generator=draws))]

    return draw


STUDY = against_field("sampling", "by_cost")
