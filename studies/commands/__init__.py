"""Commands on stitching spaces and trained runs; `ablate` finds them by entry points.

Each says here what it takes, and tells mistakes in it before it imports torch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ablations import UserError
from ablations.cli.completion import complete_study
from ablations.cli.options import Place, tracking_option
from ablations.parsing import parse_count
from snnet.config import MOST_RANK, MOST_TOKENS, StitchingConfig
from snnet.errors import OutOfMemoryError
from snnet.pieces import LAYERS
from snnet.ranges import MOST
from snnet.run import MODEL, files_of

if TYPE_CHECKING:
    from ablations.runs.home import Home


MOST_PIXELS = 8192  # of an image's height; attention over more has more positions than memory
MOST_IMAGES = 65_536  # in a batch
MOST_REPEATS = 100_000


class Count(click.ParamType[float]):
    """A number that may end in K, M or G (thousands, millions, thousand millions)."""

    name = "number"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> float:
        """Read 4.6G as 4.6e9."""
        try:
            return parse_count(str(value))
        except ValueError:
            self.fail(
                f"{str(value)!r} is no number such as 4600000000, 4.6e9 or 4.6G", parameter, context
            )


def stage_list(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> list[int] | None:
    """Read `0,1,2` as numbers."""
    try:
        return None if value is None else [int(part) for part in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"{value!r} should read like 0,1,2") from None


def told_plainly(command: Callable[..., None]) -> Callable[..., None]:
    """Make what snnet says of a mistake the command's one line."""

    @functools.wraps(command)
    def wrapper(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except (ValueError, OutOfMemoryError) as error:
            raise UserError(str(error)) from error

    return wrapper


def begun_run(home: Home, reference: str) -> Path:
    """The directory of a run, see `find_run`.

    Raises:
        UserError: there is none, or the run is only planned.
    """
    from ablations.study.plans import find_run

    found = find_run(home, reference)
    if not found.path.exists():
        raise UserError(
            f"run {found.key} was not begun yet, so it has no network; `ablate run` trains it"
        )
    return found.path


def loaded_study(study: str | None) -> Path | None:
    """Load a study for what it registers, such as adapters; its file, if it is a user's own.

    Raises:
        UserError: there is none, or its code fails.
    """
    if study is None:
        return None
    from ablations.study.catalogue import load_study, own_file

    load_study(study)
    return own_file(study)


study_option = click.option(
    "--study",
    metavar="STUDY",
    shell_complete=complete_study,
    help="A study (name or file) that registers what the networks need, such as an adapter.",
)
run_argument = click.argument("run", shell_complete=lambda c, p, i: complete_run(c, i))
format_option = click.option(
    "--format",
    "style",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
)


def complete_run(
    context: click.Context, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    """Keys of runs that have a trained network to load, and paths."""
    from click.shell_completion import CompletionItem

    from ablations.runs.home import DEFAULT_HOME

    root = context.find_root().params.get("home") or DEFAULT_HOME
    runs = sorted(Path(root).glob(f"runs/{incomplete}*"))
    keys = [CompletionItem(run.name) for run in runs if (files_of(run) / MODEL).exists()]
    return [*keys, CompletionItem(incomplete, type="dir")]


@click.command()
@click.option(
    "--anchors",
    metavar="NAME,NAME[,NAME]",
    help="Models of timm to stitch, or folders with encoders of texts; in any order.",
)
@click.option("--family", help="Anchors and stages of the paper: deit, swin, resnet, ...")
@click.option("--kernel", type=click.IntRange(1, MOST), help="Blocks in a window.  [default: 2]")
@click.option(
    "--stride", type=click.IntRange(1, MOST), help="Blocks between windows.  [default: 1]"
)
@click.option(
    "--pairs",
    type=click.Choice(["nearest", "all"]),
    help="Neighbours in complexity only, or all pairs and chains of three.  [default: nearest]",
)
@click.option(
    "--positions",
    type=click.Choice(["windows", "aligned", "every"]),
    help="Sliding windows, cuts at equal relative depth, or every pair of blocks.  "
    "[default: windows]",
)
@click.option(
    "--direction",
    type=click.Choice(["fast_to_slow", "slow_to_fast", "both"]),
    help="Of two anchors, which one stitches begin in.  [default: fast_to_slow]",
)
@click.option(
    "--returns",
    type=click.IntRange(0, MOST),
    help="How often a stitch of both directions may turn: 0>1>0 turns once.  [default: 0]",
)
@click.option(
    "--stages",
    metavar="N[,N]",
    callback=stage_list,
    help="Stages that may hold stitches, from 0.  [default: all, or the family's]",
)
@click.option(
    "--layer",
    type=click.Choice(LAYERS.built_in),
    help="Kind of the stitching layers, which may cost more or less.  [default: linear]",
)
@click.option(
    "--layer-rank",
    type=click.IntRange(2, MOST_RANK),
    help="Of low rank, or hidden channels of a bottleneck.  [default: 16]",
)
@click.option(
    "--image-size",
    type=click.IntRange(1, MOST_PIXELS),
    metavar="PX",
    help="Height and width of the images.  [default: what the models were trained for]",
)
@click.option(
    "--tokens",
    type=click.IntRange(1, MOST_TOKENS),
    default=StitchingConfig.tokens,
    show_default=True,
    help="Tokens of a text, at which costs of encoders are counted.",
)
@study_option
@format_option
@told_plainly
def stitches(
    anchors: str | None, family: str | None, study: str | None, style: str, **chosen: Any
) -> None:
    """List every stitch of some anchors with its MACs and parameters. Needs no weights.

    \b
      ablate stitches --family deit                the paper's 71 sub-networks
      ablate stitches --family deit --pairs all    all 732, with chains of three
      ablate stitches --family swin --kernel 3 --format csv > swin.csv
      ablate stitches --anchors resnet18,resnet50 --stages 1,2
      ablate stitches --anchors resnet18,resnet50 --stages 1,2 --image-size 288
      ablate stitches --anchors ./all-MiniLM-L6-v2,./all-MiniLM-L12-v2 --tokens 32
      ablate stitches --anchors mixer_s16_224,mixer_b16_224 --study mixer.py
      ablate stitches --anchors deit3_small_patch16_224,deit3_large_patch16_224
        --positions aligned --direction both --returns 1    SN-Netv2's 134

    Stitches whose blocks lie in one window share a stitching layer; in stages
    of unequal depth those do that leave after the same block. Blocks count
    from 0 inside their stage. MACs are counted per image.
    In csv and json, `next_...` cells hold the second joint of a chain or a return; the cells before
    them hold the first, and `route` has all. `trained_params` are those that change where all of
    the anchors is trained.
    """
    from studies.commands.families import named_anchors

    names, settings = named_anchors(anchors, family)
    loaded_study(study)
    from studies.commands.spaces import list_stitches

    list_stitches(names, settings, style, **chosen)


@click.command()
@run_argument
@click.option("--batch-size", type=click.IntRange(1, MOST_IMAGES), default=1, show_default=True)
@click.option(
    "--repeats",
    type=click.IntRange(1, MOST_REPEATS),
    default=20,
    show_default=True,
    help="Timed passes each.",
)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@study_option
@format_option
@click.pass_obj
@told_plainly
def latency(
    home: Home,
    /,
    run: str,
    batch_size: int,
    repeats: int,
    device: str,
    study: str | None,
    style: str,
) -> None:
    """Time every sub-network of a trained run on this machine.

    \b
      ablate latency 3f9a                          the run whose key begins so
      ablate latency outputs/runs/3f9a51c07be2d846 --batch-size 32
      ablate latency 3f9a --device cuda --repeats 100 --format csv > latency.csv

    RUN is a run key (`ablate status` shows them; a beginning will do) or a run directory. The
    study file that the run was made with, or --study, is executed: it may register adapters.
    Milliseconds of one batch: the median, and the range without the outer tenths. OMP_NUM_THREADS
    sets the threads.
    """
    directory, file = begun_run(home, run), loaded_study(study)
    from studies.commands.trained import measure

    measure(directory, file, batch_size, repeats, device, style)


@click.command()
@run_argument
@click.option("--stitch", type=int, help="Stitch id, as `ablate latency` and reports show it.")
@click.option("--macs", type=Count(), metavar="BUDGET", help="The best within, such as 4.6G.")
@click.option("--params", type=Count(), metavar="BUDGET", help="The best within, such as 22M.")
@click.option(
    "--output",
    type=Place(dir_okay=False, path_type=Path),
    metavar="FILE.onnx",
)
@click.option(
    "--mlflow", "logged", is_flag=True, help="The whole network, as a model of the tracked run."
)
@tracking_option
@study_option
@click.pass_obj
@told_plainly
def export(
    home: Home,
    /,
    run: str,
    stitch: int | None,
    macs: float | None,
    params: float | None,
    output: Path | None,
    logged: bool,
    tracking_uri: str | None,
    study: str | None,
) -> None:
    """Write one sub-network of a trained run as an ONNX file, for batches of any size.

    \b
      ablate export 3f9a --mlflow        all of it, for mlflow.pyfunc.load_model
      ablate export 3f9a --stitch 17 --output stitch-17.onnx
      ablate export 3f9a --macs 4.6G --output best-below-4.6G.onnx

    RUN is a run key (a beginning will do) or a run directory. A budget takes the sub-network
    with the best top-1 within it, by the images that the run held back for choosing (by the
    test images where it held none back). The file is checked against PyTorch before it gets its
    name. The study file that the run was made with, or --study, is executed: it may register
    adapters. Needs: pip install 'snnet-ablations[onnx]'.
    """
    if logged:
        if output or (stitch, macs, params) != (None, None, None):
            raise UserError("--mlflow keeps all sub-networks: it goes without --output and budgets")
        directory, file = begun_run(home, run), loaded_study(study)
        from studies.commands.trained import log_network

        log_network(directory, file, tracking_uri or home.tracking_uri)
        return
    if output is None:
        raise UserError("say where to: --output FILE.onnx, or --mlflow")
    if output.suffix != ".onnx":
        raise UserError(f"--output {output} should end in .onnx, the only format there is")
    if stitch is None and macs is None and params is None:
        raise UserError("say which sub-network: --stitch 17, or a budget such as --macs 4.6G")
    directory, file = begun_run(home, run), loaded_study(study)
    from studies.commands.trained import write_onnx

    write_onnx(directory, file, stitch, macs, params, output)
