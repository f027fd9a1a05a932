"""The registry: everything that is downloaded, by name (SPEC 8). The workflow reads it at its start.

It has the address and the licence of each source. The lock (`odelt.sources.lock`) has the digests.
"""

import pathlib
from collections.abc import Iterator
from typing import Annotated, Literal

import pydantic
from pydantic import Field

from odelt.config import Name, Positive, Section, nearest, parse
from odelt.errors import OdeltError
from odelt.plain_data import read_yaml
from odelt.quoting import quoted


def _below(pattern: str) -> str:
    """Returns a path, or a pattern of paths. Raises ValueError if it may lead out of its folder."""
    if "\\" in pattern or any(part in ("", ".", "..") for part in pattern.split("/")):
        raise ValueError(f"{quoted(pattern)} may lead out of the folder; name files below it, as in folder/*.json")
    return pattern


FileName = Annotated[str, Field(pattern=r"^[^/]+$"), pydantic.AfterValidator(_below)]
FilePattern = Annotated[str, pydantic.AfterValidator(_below)]
REPOSITORY = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*$"


class DriveFile(Section):
    """A file of a shared Google Drive folder, found by its name in the folder's listing."""

    folder: str = Field(pattern=r"^[-\w]{25,}$", description="Id of the shared folder: the last part of its address.")
    file: FileName = Field(description="Name of the file in the folder's listing.")

    @property
    def address(self) -> str:
        return f"https://drive.google.com/drive/folders/{self.folder}"


class HubFiles(Section):
    """The files of a Hugging Face repository that match one of the patterns (`*` as in a shell)."""

    repository: str = Field(pattern=REPOSITORY, description="Owner and name, as in `owner/name`.")
    type: Literal["model", "dataset"] = Field(default="model", description="What the repository holds.")
    revision: str = Field(description="A commit, tag or branch.")
    files: list[FilePattern] = Field(
        min_length=1, description="Paths of files in the repository, or patterns of paths such as `data/*.parquet`."
    )

    @property
    def address(self) -> str:
        return f"https://huggingface.co/{'datasets/' if self.type == 'dataset' else ''}{self.repository}"


class Source(Section):
    """A source has exactly one of the addresses `drive`, `hub` and `url`. `hub` makes a folder, the others a file."""

    what: str = Field(description="What it is, for people.")
    licence: str = Field(description="Its licence, as far as its authors state it.")
    bytes: Positive | None = Field(
        default=None, description="Approximate size in bytes, for `odelt plan` and for people. It decides nothing."
    )
    drive: DriveFile | None = Field(default=None, description="A file of a Google Drive folder.")
    hub: HubFiles | None = Field(default=None, description="Files of a Hugging Face repository.")
    url: str | None = Field(
        default=None, pattern=r"^https://[^/]+/([^?#]*/)?[^/?#]+$", description="Address of a file, over https."
    )

    @pydantic.model_validator(mode="after")
    def _one_address(self):
        if sum(address is not None for address in (self.drive, self.hub, self.url)) != 1:
            raise ValueError("a source has exactly one of drive, hub and url")
        if self.url:
            assert self.file is not None  # an address has one
            _below(self.file)
        return self

    @property
    def file(self) -> str | None:
        """The file's own name; None for a directory."""
        if self.drive:
            return self.drive.file
        return self.url.rpartition("/")[2] if self.url else None

    @property
    def address(self) -> str:
        """The address for a person with a browser."""
        if self.url:
            return self.url
        location = self.drive or self.hub
        assert location is not None  # a source has exactly one of the three
        return location.address


class Registry(Section):
    """What `config/sources.yaml` holds."""

    sources: dict[Name, Source] = Field(description="The sources, by name.")

    def __getitem__(self, name: str) -> Source:
        if name not in self.sources:
            known = f"; known are {', '.join(self.sources)}"
            raise OdeltError(f"there is no source {quoted(name)} in the registry{nearest(name, self.sources) or known}")
        return self.sources[name]

    def __contains__(self, name: str) -> bool:
        return name in self.sources

    @property
    def names(self) -> Iterator[str]:
        return iter(self.sources)


def load_registry(path: str | pathlib.Path) -> Registry:
    """Reads and checks a registry.

    Raises:
        OdeltError: it is not valid. The line names the file, the key and the nearest known one.
    """
    return parse(Registry, read_yaml(path, "registry of sources"), str(path))
