"""A user's own study file: a mistake in it is one sentence with the file, and mostly the line."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from ablations.cli.main import main
from ablations.errors import UserError
from ablations.study.catalogue import load_study
from ablations.study.expansion import expand
from ablations.study.objective import find_aim

START = """\
from dataclasses import dataclass
from typing import Any
from ablations import *

@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    extra: Any = None
    seed: int = 0

def fail(*arguments):
    return 1 / 0

def experiment(**given):
    return Experiment(**{"name": "mine", "config": Config, "function": print, **given})

def study(**given):
    known = {"title": "T", "question": "Q?", "experiment": experiment()}
    return Study(**{**known, "axes": [Axis("rate", [0.1, 0.2])], **given})

"""
LINE = len(START.splitlines()) + 1


def write(tmp_path, text, start=START):
    path = tmp_path / "mine.py"
    path.write_bytes(start.encode() + (text if isinstance(text, bytes) else text.encode()))
    return path


def said(tmp_path, text, start=START):
    path = write(tmp_path, text, start)
    with pytest.raises(UserError) as refused:
        name, study = load_study(str(path))
        expansion = expand(name, study)
        expansion.expected_seconds()
        for config in expansion.configs.values():
            expansion.experiment.ensure_ready(config)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert sentence.startswith(str(path)), sentence
    return sentence.removeprefix(str(path))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("STUDY = study(seeds='2')", "study 'T': seeds cannot be '2': it should be a whole"),
        ("STUDY = study(seeds=0)", "seeds cannot be 0: it should be greater than or equal to 1"),
        ("STUDY = study(seeds=True)", "seeds cannot be True"),
        ("STUDY = study(where=None)", "where cannot be None: it should be callable"),
        (
            "STUDY = study(experiment=None)",
            "experiment cannot be None: it should be of the class Experiment",
        ),
        ("STUDY = study(title=3)", "study 3: title cannot be 3"),
        ("STUDY = study(baseline=[])", "baseline cannot be []"),
        ("STUDY = study(baseline={3: 1})", "baseline.3 cannot be 3"),
        ("STUDY = study(limits=3)", "limits cannot be 3"),
        ("STUDY = study(design='factorail')", "did you mean factorial"),
        ("STUDY = study(design=3)", "design cannot be 3"),
        ("STUDY = study(axes=None)", "axes cannot be None"),
        ("STUDY = study(axes=['rate'])", "axes.0 cannot be 'rate': it should be of the class Axis"),
        ("STUDY = study(axes=Axis('rate', [1]))", "axes cannot be Axis("),
        ("STUDY = study(axes=[Axis('rate', [])])", "axis rate has no levels: give it one or more"),
        (
            "STUDY = study(axes=[Axis('a', {'x': {'rate': 1}}), Axis('a', {'y': {'extra': 1}})])",
            "two axes are called a: give one of them another name",
        ),
        ("STUDY = study(claims=['better'])", "claims.0 cannot be 'better'"),
        ("STUDY = study(claims=Claim('c', 'top1'))", "claims cannot be Claim("),
        ("Axis(3, [1])", "axis 3: name cannot be 3: it should be text"),
        ("Axis('rate', None)", "axis 'rate': its levels should be a list of values"),
        ("Axis('rate', 'abc')", "axis 'rate': its levels should be a list of values"),
        ("Axis('rate', {1, 2})", "axis 'rate': its levels should be a list of values"),
        ("Axis('rate', {'low': 3})", "axis 'rate': levels.low cannot be 3"),
        ("Axis('rate', {1: {'rate': 3}})", "axis 'rate': levels.1 cannot be 1"),
        ("Axis('rate', {'low': {3: 3}})", "axis 'rate': levels.low.3 cannot be 3"),
        ("experiment(scales={})", "experiment 'mine': scales is empty"),
        ("experiment(scales={'small': {}})", "experiment 'mine': scales.small is empty"),
        ("experiment(scales={'small': {'toy': 3}})", "scales.small.toy cannot be 3"),
        ("experiment(config=Config())", "experiment 'mine': config cannot be Config("),
        ("experiment(config=int)", "config cannot be <class 'int'>: it is no dataclass"),
        ("experiment(schema='1')", "schema cannot be '1'"),
        ("experiment(name=' ')", "the name of experiment ' ' is empty"),
        ("experiment(name='a\\nb')", "is not one line of text"),
        ("experiment(name='x' * 101)", "has 101 letters, more than 100"),
        ("Axis('', [1])", "the name of axis '' is empty: give it a name"),
        ("Axis('a\\tb', [1])", "the name of axis 'a\\tb' is not one line of text"),
        ("Axis('x' * 5000, [1])", "has 5,000 letters, more than 100"),
        ("Axis('rate', ['a\\nb'])", "the label 'a\\nb' is not one line of text: give it a name"),
        ("Axis('rate', {'\\ud800': {}})", "the label '\\ud800' is not one line of text"),
        ("Axis('rate', ['x' * 1001])", "has 1,001 letters, more than 1000"),
        ("Axis('rate', ['1', 1])", "axis 'rate': '1' and 1 look alike: name the levels"),
        ("Axis('rate', range(10**9))", "axis 'rate' has more than 100,000 levels"),
        ("import itertools; Axis('rate', itertools.count())", "has more than 100,000 levels"),
        ("study(question='\\ud800')", "question holds half a character"),
        ("study(title='')", "the title of study '' is empty"),
        ("study(claims=[Claim('c', 'a'), Claim('c', 'b')])", "two claims say 'c': word one"),
        ("Claim('', 'top1')", "the words of claim '' is empty"),
        ("Claim('c', '')", "claim 'c': its measure is empty"),
        ("Claim('c', 'top1', margin=float('nan'))", "margin cannot be nan"),
        ("Metric('')", "the name of metric '' is empty"),
        ("Metric('a', factor=0)", "metric 'a': factor cannot be 0"),
        ("Table('t', '', [Metric('a')])", "table 't': row is empty"),
        ("STUDY = study(experiment=experiment(check_ready=lambda c: 3))", "TypeError: 'int'"),
        ("STUDY = study(experiment=experiment(check_ready=lambda c: [3]))", "returned [3], which"),
        ("experiment(function='train')", "function cannot be 'train': it should be callable"),
        ("experiment(objectives={'error': fail})", "objectives.error cannot be <function"),
        (
            "experiment(since={'rte': 1})",
            "since names 'rte', which is no field: did you mean",
        ),
        ("experiment(since={'rate': 'x'})", "since: rate cannot be 'x': it should be a number"),
        ("experiment(since=['rate'])", "experiment 'mine': since cannot be ['rate']"),
        ("experiment(packages='torch')", "packages cannot be 'torch'"),
        ("Objective({}, fail)", "objective: goals names no value"),
        ("Objective({'error': 'max'}, fail)", "goals.error cannot be 'max': choose from"),
        ("Objective({'error': 'minimize'}, None)", "score cannot be None"),
        ("Claim('c', 3)", "claim 'c': measure cannot be 3"),
        ("Claim('c', 'top1', {3: 'low'})", "at.3 cannot be 3: it should be text"),
        (
            "study(claims=[Claim('c', 'top1', {'rate': 0.11})])",
            "claim 'c' speaks of rate 0.11, which is no level of the study: did you mean 0.1?",
        ),
        ("Claim('c', 'top1', relation='more')", "relation cannot be 'more': choose from"),
        ("Claim('c', 'top1', margin='1')", "margin cannot be '1'"),
        ("Chart(3)", "chart 3: metric cannot be 3"),
        ("Presentation(charts=['loss'])", "presentation: charts.0 cannot be 'loss'"),
        ("Limits('1h')", "a limit of time is more than 0 seconds, not '1h'"),
    ],
)
def test_what_is_made_checks_itself_where_it_is_made(tmp_path, text, says):
    found = said(tmp_path, f"\n{text}")
    # the helpers above hide no line: it is the last one of the file that is told
    assert found.startswith(", line "), found
    assert says in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 / 0", f", line {LINE}: ZeroDivisionError: division by zero"),
        ("import json\njson.loads('{')", f", line {LINE + 1}: JSONDecodeError: Expecting"),
        ("raise BaseException", f", line {LINE}: BaseException"),
        ("import sys; sys.exit(0)", f", line {LINE}: SystemExit: 0"),
        ("def again(): again()\nagain()", f", line {LINE}: RecursionError: maximum recursion"),
        ("STUDY = (", f", line {LINE}: SyntaxError: '(' was never closed"),
        ("    x = 3\n  y = 3", f", line {LINE + 1}: IndentationError: unindent does not match"),
        ("raise ValueError('one\\ntwo')", f", line {LINE}: ValueError: one two"),
        ("import nowhere_to_be_found", f", line {LINE}: ModuleNotFoundError: No module named"),
        (b"x = '\xff'", "SyntaxError: (unicode error) 'utf-8' codec can't decode"),
        (b"\0", ": "),
        ("STUDY = 3", " defines no STUDY (an ablations.Study)"),
        (
            "import ablations\nablations.run(__file__)",
            "put that below `if __name__ == '__main__':`",
        ),
    ],
)
def test_what_its_code_raises_is_told_with_the_line(tmp_path, text, says):
    assert says in said(tmp_path, text)


def test_an_error_that_cannot_be_printed_is_told_by_its_name(tmp_path):
    text = "class Mute(Exception):\n    def __str__(self): raise KeyError\nraise Mute"
    assert said(tmp_path, text) == f", line {LINE + 2}: Mute"


def test_a_folder_and_an_empty_file_are_no_study(tmp_path):
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(UserError, match=r"there is no study file .*folder.py; that is a folder"):
        load_study(str(tmp_path / "folder.py"))
    assert said(tmp_path, "", start="") == " defines no STUDY (an ablations.Study)"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "study(where=fail)",
            "line 12: `where` of the study fails: ZeroDivisionError: division by",
        ),
        ("study(where=lambda c: c.rte)", f"line {LINE}: `where` of the study fails: AttributeErr"),
        ("study(where=lambda c: exit(0))", f"line {LINE}: `where` of the study fails: SystemExit"),
        (
            "study(where=lambda c: deep(c, 9))\ndef deep(c, n): return n and deep(c, n - 1) or c.b",
            f"line {LINE + 1}: `where` of the study fails: AttributeError: 'Config' object has no",
        ),
        (
            "study(experiment=experiment(check_settings=fail))",
            "line 12: check_settings of experiment mine fails: ZeroDivisionError: division by",
        ),
        (
            "study(experiment=experiment(expected_seconds=fail))",
            "line 12: expected_seconds of experiment mine fails: ZeroDivisionError",
        ),
        (
            "study(experiment=experiment(expected_seconds=lambda c: 'long'))",
            f"line {LINE}: expected_seconds of experiment mine returned 'long', which is no number",
        ),
        ("study(experiment=experiment(expected_seconds=lambda c: None))", "returned None, which"),
        ("study(experiment=experiment(expected_seconds=lambda c: -1))", "returned -1, which is no"),
        (
            "study(experiment=experiment(expected_seconds=lambda c: -1.0))",
            "returned -1.0, which is no number of seconds",
        ),
        (
            "study(experiment=experiment(fixed=fail))",
            "line 12: fixed of experiment mine fails: ZeroDivisionError: division by zero",
        ),
        (
            "study(experiment=experiment(fixed=lambda c: None))",
            f"line {LINE}: fixed of experiment mine returned None, which is no list of texts",
        ),
        ("study(experiment=experiment(fixed=lambda c: 'a'))", "returned 'a', which is no list of"),
        ("study(experiment=experiment(fixed=lambda c: [3]))", "returned [3], which is no list of"),
        (
            "study(experiment=experiment(pieces={'rte': {}}))",
            "pieces names 'rte', which is no field: did you mean rate?",
        ),
        (
            "study(experiment=experiment(check_ready=fail))",
            "line 12: check_ready of experiment mine fails: ZeroDivisionError",
        ),
        (
            "study(axes=[Axis('extra', [None, object()])])",
            "Config, the configuration of mine, fails: PydanticSerializationError: Unable to ser",
        ),
    ],
)
def test_what_its_functions_raise_or_return_is_told_with_the_line(tmp_path, text, says):
    assert says in said(tmp_path, f"STUDY = {text}")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            "rate: 'Unknown' = 0",
            "Own, the configuration of mine, cannot be of type",
        ),
        ("def __post_init__(self): 1 / 0", "fails: ZeroDivisionError: division by zero"),
        ("rate: float", "field rate of its config needs a default"),
    ],
)
def test_a_configuration_that_cannot_be_made(tmp_path, body, says):
    text = (
        f"@dataclass\nclass Own:\n    seed: int = 0\n    {body}\n"
        if "def" in body
        else (f"@dataclass(kw_only=True)\nclass Own:\n    seed: int = 0\n    {body}\n")
    )
    made = "STUDY = study(experiment=experiment(config=Own), axes=[])"
    assert says in said(tmp_path, f"{text}{made}")


@pytest.mark.parametrize(
    ("score", "says"),
    [
        ("fail", "line 12: the score of objective error fails: ZeroDivisionError"),
        ("lambda run, budget: None", "the score of objective error fails: TypeError"),
        ("lambda run, budget: [1, 2]", "the score of objective error returned 2 values, not 1"),
    ],
)
def test_an_objective_that_fails_is_told(home, tmp_path, score, says):
    text = "STUDY = study(experiment=experiment(objectives={'error': Objective({'error': "
    path = write(tmp_path, f"{text}'minimize'}}, {score}, {score})}}))")
    aim = find_aim(load_study(str(path))[1].experiment.objectives, (), "error")
    with pytest.raises(UserError) as refused:
        aim.score(home.run("0"))
    assert str(refused.value).startswith(f"{path}, line ")
    assert says in str(refused.value)
    with pytest.raises(UserError, match=f"{path}, line .*the curve of objective error fails"):
        aim.curve(home.run("0"))


def test_a_sentence_of_its_own_stays_as_it_is(tmp_path):
    text = "from ablations import UserError\ndef no(config):\n    raise UserError('no data')\n"
    path = write(tmp_path, f"{text}STUDY = study(experiment=experiment(check_ready=no))")
    expansion = expand("mine", load_study(str(path))[1])
    with pytest.raises(UserError, match=r"^no data$"):
        expansion.experiment.ensure_ready(next(iter(expansion.configs.values())))


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        ("None", "None"),
        ("float", "float"),
        ("'list[float]'", "list[float]"),
        ("tuple[dict[str, float], int]", "tuple[dict[str, float], int]"),
        ("dict[str, str]", "dict[str, str]"),
        ("dict[int, float]", "dict[int, float]"),
        ("float | None", "float | None"),
    ],
)
@pytest.mark.parametrize("wrapped", ["train", "partial(train)", "cache(train)", "Trainer()"])
def test_a_function_that_cannot_return_metrics_is_refused_with_its_line(
    tmp_path, annotation, told, wrapped
):
    text = f"""from functools import cache, partial
def train(*given) -> {annotation}: pass
class Trainer:
    __call__ = train
STUDY = study(experiment=experiment(function={wrapped}))
"""
    found = said(tmp_path, text)
    assert (
        f"its function ({tmp_path / 'mine.py'}, line {LINE + 1}) is annotated to return {told}; "
        "it should return metrics by name, such as {'accuracy': 0.9}"
    ) in found


@pytest.mark.parametrize(
    "annotation",
    [
        *("dict", "dict[str, float]", "'dict[str, float]'", "dict[str, int | None]", "Any"),
        *("Mapping[str, Tensor]", "Metrics", "object", "dict[str, float] | None", "'Unknown'"),
        *("dict[Literal['a'], Any]", "Annotated[dict[str, 'np.float32'], 3]", "TypeVar('T')"),
    ],
)
def test_a_function_that_may_return_metrics_passes(tmp_path, annotation):
    text = f"""from collections.abc import Mapping
from typing import Annotated, Literal, TypedDict, TypeVar
class Tensor: pass
class Metrics(TypedDict):
    accuracy: float
def train(*given) -> {annotation}: pass
STUDY = study(experiment=experiment(function=train))
"""
    assert load_study(str(write(tmp_path, text)))[1].title == "T"


def test_lists_serve_where_tuples_are_kept(tmp_path):
    text = "SHOWN = Presentation(charts=[Chart('loss')], columns=['final'])\n"
    path = write(tmp_path, f"{text}STUDY = study(experiment=experiment(presentation=SHOWN))")
    assert load_study(str(path))[1].experiment.presentation.columns == ("final",)


def test_what_is_shown_may_depend_on_the_settings(tmp_path):
    show = "lambda config: Presentation(columns=['seen', f'at {config.rate}'])"
    path = write(tmp_path, f"STUDY = study(experiment=experiment(presentation={show}))")
    plan = expand(*load_study(str(path))).plan
    assert plan.presentation.columns == ("seen", "at 0.1", "at 0.2")
    told = said(tmp_path, "STUDY = study(experiment=experiment(presentation=lambda config: 3))")
    assert "presentation of experiment mine returned 3, which is no Presentation" in told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import sys; sys.exit(0)", f"line {LINE}: SystemExit: 0"),
        (
            "STUDY = study(where=lambda config: json.loads(config.rate))\nimport json",
            f"line {LINE}: `where` of the study fails: TypeError: the JSON object must be str, "
            "bytes or bytearray, not float",
        ),
        (
            "STUDY = study(experiment=experiment(check_settings=lambda config: fail()))",
            "line 12: check_settings of experiment mine fails: ZeroDivisionError: division by zero",
        ),
        (
            "STUDY = study(experiment=experiment(expected_seconds=lambda config: fail()))",
            "line 12: expected_seconds of experiment mine fails: ZeroDivisionError: division by "
            "zero",
        ),
        (
            "STUDY = study(claims=[Claim('c', 'top1', at={'rat': 0.1})])",
            f"line {LINE - 2}: claim 'c' speaks of rat 0.1, which is no level of the study: did "
            "you mean rate?",
        ),
    ],
)
def test_the_command_ends_with_one_line_and_code_2(tmp_path, text, says):
    path = write(tmp_path, text)
    done = CliRunner().invoke(main, ["--home", str(tmp_path / "home"), "plan", str(path)])
    assert done.exit_code == 2
    assert done.stderr == f"ablate: {path}, {says}\n"
