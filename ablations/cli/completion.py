"""What the shell offers while one types, and the command that switches that on."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class


def complete_study(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of studies, variants and searches, and paths for a user's own files."""
    from ablations.runs.home import DEFAULT_HOME, Home
    from ablations.study.catalogue import study_names

    home = Home(context.find_root().params.get("home") or DEFAULT_HOME)
    variants = sorted(path.stem for path in home.studies.glob("*.json"))
    names = [name for name in (*study_names(), *variants) if name.startswith(incomplete)]
    items = [CompletionItem(name) for name in dict.fromkeys(names)]
    return [*items, CompletionItem(incomplete, type="file")]


def complete_setting(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Axes and settings of the study on the command line."""
    from ablations.study.catalogue import load_study

    study = load_study(context.params.get("study") or "overview")[1]
    names = [*(axis.name for axis in study.axes), *study.experiment.settings]
    return [f"{name}=" for name in dict.fromkeys(names) if name.startswith(incomplete)]


def complete_scale(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Scales of the study on the command line."""
    from ablations.study.catalogue import load_study

    scales = load_study(context.params.get("study") or "overview")[1].experiment.scales
    return [name for name in scales if name.startswith(incomplete)]


def complete_family(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Families of the scale on the command line, or of all scales."""
    from ablations.study.catalogue import load_study

    scales = load_study(context.params.get("study") or "overview")[1].experiment.scales
    chosen = [context.params["scale"]] if context.params.get("scale") in scales else list(scales)
    names = dict.fromkeys(family for scale in chosen for family in scales[scale])
    return [name for name in names if name.startswith(incomplete)]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
      bash:  eval "$(ablate completion bash)"     in ~/.bashrc
      zsh:   eval "$(ablate completion zsh)"      in ~/.zshrc
      fish:  ablate completion fish > ~/.config/fish/completions/ablate.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "ablate", "_ABLATE_COMPLETE").source())
