"""The Bicep is written as the house wants it, and as its strict linter would."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.infra.bicep.deployment import REGISTRY
from tests.infra.bicep.parser import read
from tests.infra.bicep.syntax import Parameter
from tests.infra.stage import INFRA, NAMES, files, parameters

SUFFIX = re.compile(
    r"core\.windows|\.azure\.(net|com|cn|us)\b|azurewebsites|usgovcloudapi|chinacloud|microsoftonline|privatelink\.(vaultcore|eventgrid|azure)"
)
ENTRIES = ("main.bicep", "events.bicep")


def described(parameter: Parameter) -> bool:
    """Tell whether a parameter's description begins with what its default says."""
    optional = parameter.default is not None or parameter.type.endswith("?")
    return parameter.described.startswith("Optional. " if optional else "Required. ")


def unused(text: str, names: list[str]) -> list[str]:
    """Return the names that stand once in a text, where they are declared."""
    return [name for name in names if len(re.findall(rf"\b{name}\b", text)) < 2]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(INFRA)))
def test_everything_is_described(path: Path) -> None:
    """Parameters and members of types say whether they are required, and the file says what it is for."""
    file = read(path)
    members = [member for members in file.types.values() for member in members]
    assert [one.name for one in (*file.parameters.values(), *members) if not described(one)] == []
    assert path.read_text(encoding="utf-8").startswith("metadata ")


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(INFRA)))
def test_nothing_is_declared_in_vain(path: Path) -> None:
    """Each parameter, variable and import is used, and so is each resource that is only looked up."""
    file, text = read(path), re.sub(r"@description\('.*'\)|//.*", "", path.read_text(encoding="utf-8"))
    looked_up = [name for name, one in file.resources.items() if one.existing]
    assert unused(text, [*file.parameters, *file.variables, *file.imports, *looked_up]) == []


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(INFRA)))
def test_no_suffix_of_a_cloud_is_written(path: Path) -> None:
    """Addresses come from `environment()` and from what resources say; the rest stands in clouds.json, one block a cloud."""
    assert SUFFIX.findall(path.read_text(encoding="utf-8")) == []


def test_a_suffix_would_be_seen() -> None:
    """The pattern finds what it is for."""
    assert SUFFIX.search("https://x.blob.core.windows.net")
    assert SUFFIX.search((INFRA / "clouds.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(INFRA)))
def test_a_file_fits_a_reader(path: Path) -> None:
    """No file is over 300 lines, no line over 200 signs but for a description or a sentence."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 300
    assert [line for line in lines if len(line) > 200 and "'" not in line] == []


def test_each_type_has_one_version() -> None:
    """One API version for each provider's family."""
    versions: dict[str, set[str]] = {}
    for path in files():
        for kind, version in re.findall(r"'(Microsoft\.\w+/[\w/]+)@([\d-]+(?:-preview)?)'", path.read_text("utf-8")):
            versions.setdefault("/".join(kind.split("/")[:2]), set()).add(version)
    assert {kind: found for kind, found in versions.items() if len(found) > 1} == {}
    assert {kind for kind, (version,) in versions.items() if "preview" in version} == {
        "Microsoft.Insights/diagnosticSettings"
    }


def test_modules_are_pinned() -> None:
    """A module of a registry has a version; all others are files that are there."""
    paths = [(path, module.path) for path in files() for module in read(path).modules.values()]
    registered = {module for _, module in paths if ":" in module}
    assert registered == set(REGISTRY)
    assert all(re.fullmatch(r"br/public:avm/[\w/-]+:\d+\.\d+\.\d+", module) for module in registered)
    assert all((path.parent / module).is_file() for path, module in paths if ":" not in module)


def test_every_file_is_deployed() -> None:
    """Each file is an entry, a module, or imported."""
    used = {(path.parent / m.path).resolve() for path in files() for m in read(path).modules.values()}
    used |= {(path.parent / source).resolve() for path in files() for source in read(path).imports.values()}
    assert {path.name for path in files() if path.resolve() not in used} == set(ENTRIES)


@pytest.mark.parametrize("name", [*NAMES, "main"])
def test_parameter_files_name_parameters_that_there_are(name: str) -> None:
    """No more than the file has, and all that it needs."""
    known = read(INFRA / "main.bicep").parameters
    shipped = json.loads((INFRA / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    given = set(shipped) if name == "main" else set(parameters(name))
    required = {key for key, one in known.items() if one.default is None}
    assert required <= given <= set(known)


def test_the_shipped_parameters_are_filled_by_azd() -> None:
    """Azd puts in the environment's name and region; a person lists the vaults."""
    shipped = json.loads((INFRA / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    assert shipped["environmentName"]["value"] == "${AZURE_ENV_NAME}"
    assert shipped["location"]["value"] == "${AZURE_LOCATION}"
    assert shipped["vaults"]["value"] == []


def test_the_linter_is_strict() -> None:
    """Whatever the compiler warns of is an error."""
    rules = json.loads((INFRA / "bicepconfig.json").read_text(encoding="utf-8"))["analyzers"]["core"]
    assert rules["enabled"]
    assert {rule["level"] for rule in rules["rules"].values()} == {"error"}


def test_clouds_are_those_of_the_app() -> None:
    """Each cloud that a parameter file may name has its block, with the name that the app knows it by."""
    clouds = json.loads((INFRA / "clouds.json").read_text(encoding="utf-8"))
    assert {name: one["setting"] for name, one in clouds.items()} == {
        "AzureCloud": "public",
        "AzureUSGovernment": "us-government",
        "AzureChinaCloud": "china",
    }
