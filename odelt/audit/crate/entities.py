"""The entities of a suite's crate as plain JSON-LD, from its records: the outputs, the jobs, and the verbs that ran.

An output that the crate does not hold has a local identifier (`#output/<path>`), with size and digest. The
specification admits that (https://github.com/ResearchObject/ro-crate/issues/400), and the web has no copy to point at.
"""

import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from odelt.audit import snapshot
from odelt.audit.crate import jsonld
from odelt.audit.folder import Folder
from odelt.config import subfolders
from odelt.config.registry import Registry, load_registry
from odelt.provenance.record import Input, Record

LARGEST = 10 * 2**20  # bytes; a larger file is described by its size and digest, and not copied into the crate
# Suffixes of the files that people and other programs read. The crate describes the others, whatever their size.
READ = (".csv", ".json", ".md", ".png", ".svg", ".yaml")
TABLES = (".csv", ".md")
RECORDS, README = "records.json", "README.md"
DESCRIPTION = "Results of a reproduction of ODE_t(ODE_l), with the jobs that made them."
RUN = "#run"  # of the workflow as a whole


def is_copied(record: Record) -> bool:
    """Whether the crate holds a copy of an output."""
    path = pathlib.PurePosixPath(record.output.path)
    large = record.output.files is not None or record.output.bytes > LARGEST
    return not large and path.suffix in READ and path.parts[0] != subfolders.SOURCES


class Graph:
    """The entities of a crate of these records.

    Args:
        folder: the suite's.
        suite: the suite's name.
        known: the records, by the output's name.
        workflow: the paths of the workflow's files in the crate, the main one first.
        snakemake: the version of Snakemake that ran the workflow. No record holds it.

    Raises:
        OdeltError: the folder's copy of the registry of sources cannot be read.
    """

    def __init__(
        self, folder: Folder, suite: str | None, known: Mapping[str, Record], workflow: Sequence[str], snakemake: str
    ):
        self.suite, self.known, self.workflow, self.snakemake = suite, known, workflow, snakemake
        self.digest = folder.digest(known)  # of the suite
        has_registry = snapshot.REGISTRY in known
        self.registry = load_registry(folder.root / snapshot.REGISTRY) if has_registry else Registry(sources={})
        self.base = f"https://odelt.invalid/{self.digest}/"
        self.published = max(record.ended for record in known.values())
        copied = {name for name, record in known.items() if is_copied(record)}
        self.ids = {
            name: f"outputs/{jsonld.quoted(name)}" if name in copied else jsonld.local("output", name) for name in known
        }
        self.copy_of = {self.ids[name]: name for name in copied}
        self.jobs: dict[tuple, list[Record]] = {}  # in the order of their start
        for record in sorted(known.values(), key=lambda record: (record.started, record.output.path)):
            self.jobs.setdefault(record.job, []).append(record)
        self.verbs = list(dict.fromkeys(verb for verb, *_ in self.jobs))
        consumed = {input.path for record in known.values() for input in record.inputs if not input.external}
        self.configuration = [name for name in snapshot.FILES if name in known]
        ends = [name for name in known if name not in consumed and name not in snapshot.FILES]
        self.results = sorted(ends, key=lambda name: (not _is_table(name), name))
        self.types = {verb: self._types(verb) for verb in self.verbs}
        self.values = {
            job: jsonld.property_values(job[0], records[0], self.types[job[0]]) for job, records in self.jobs.items()
        }
        fetched = {str(record.parameters.get("name")) for record in known.values() if record.verb == "fetch"}
        self.sources = sorted(name for name in fetched if name in self.registry)
        self.slots = self._slots()

    def root(self) -> dict:
        """Returns the properties of the root."""
        tables = self._ids(filter(_is_table, self.results))
        return {
            "name": f"odelt: the suite '{self.suite}'",
            "description": f"{DESCRIPTION} The identifier is the digest that `odelt audit` tells of the suite.",
            "identifier": self.digest,
            "datePublished": self.published,
            "license": {"@id": jsonld.LICENCE},
            "author": {"@id": jsonld.AUTHORS},
            "publisher": {"@id": jsonld.AUTHORS},
            "conformsTo": jsonld.refs(jsonld.PROFILES),
            # The profile wants the workflow as the main entity: what the crate is about are the tables all the same.
            **({"about": jsonld.refs(tables)} if tables else {}),
            "mentions": jsonld.refs([RUN, "#engine", *map(_run, self.jobs)]),
        }

    def files(self) -> Iterator[dict]:
        """Yields the files that the crate holds, the tables first."""
        for name in sorted(filter(self._is_copied, self.known), key=lambda name: (name not in self.results, name)):
            yield self._output(self.known[name])
        yield self._workflow()
        for path in self.workflow[1:]:
            yield jsonld.entity(path, ["File", "SoftwareSourceCode"], path, **self._source_code(path))
        name, media = "the record of every output, by its path in the suite's folder", jsonld.media(RECORDS)
        yield jsonld.entity(RECORDS, "File", name, sdDatePublished=self.published, encodingFormat=media)
        media = jsonld.media(README)
        yield jsonld.entity(README, "CreativeWork", "what this crate is", about={"@id": "./"}, encodingFormat=media)

    def described(self) -> Iterator[dict]:
        """Yields every other entity, each once."""
        yield from jsonld.fixed(self.snakemake)
        for name, record in self.known.items():
            if not self._is_copied(name):
                yield self._output(record)
        own = set(self.ids.values())
        others = {self._input(input): input for record in self.known.values() for input in record.inputs}
        for id, input in sorted(others.items()):
            if id not in own:
                media = jsonld.media(input.path)
                yield jsonld.entity(id, "CreativeWork", input.path, sha256=input.sha256, encodingFormat=media)
        for name in self.sources:
            source = self.registry[name]
            facts = {"license": source.licence, "url": source.address}
            yield jsonld.entity(self._source(name), "CreativeWork", source.what, **facts)
        yield from self._parameters()
        yield from self._tools()
        yield from self._actions()

    def _is_copied(self, name: str) -> bool:
        return self.ids[name] in self.copy_of

    def _output(self, record: Record) -> dict:
        output = record.output
        id, kind = self.ids[output.path], _type(record)
        return jsonld.entity(
            id,
            kind,
            output.path,
            contentSize=str(output.bytes),
            sha256=output.sha256,
            sdDatePublished=self.published,
            encodingFormat=jsonld.media(output.path) if kind == "File" else None,
            exampleOfWork=jsonld.refs(sorted(self.slots.get(id, ()))),
        )

    def _workflow(self) -> dict:
        main = self.workflow[0]
        return jsonld.entity(
            main,
            ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "odelt's workflow",
            **self._source_code(main),
            conformsTo={"@id": jsonld.BIOSCHEMAS.format("ComputationalWorkflow")},
            license={"@id": jsonld.LICENCE},
            hasPart=jsonld.refs(self._tool_ids()),
            step=jsonld.refs(jsonld.local("step", verb) for verb in self.verbs),
            input=jsonld.refs(self._slots_of("workflow", "input")),
            output=jsonld.refs(self._slots_of("workflow", "output")),
        )

    def _source_code(self, path: str) -> dict:
        return {
            "programmingLanguage": {"@id": jsonld.LANGUAGE},
            "url": jsonld.PAPER,
            "version": ", ".join(sorted({jsonld.version(record) for record in self.known.values()})),
            "sdDatePublished": self.published,
            "encodingFormat": jsonld.media(path),
        }

    def _input(self, input: Input) -> str:
        """Returns the identifier of an input: that of an output, if it is unchanged, or else one with its digest."""
        now = None if input.external else self.known.get(input.path)
        if now and now.output.sha256 == input.sha256:
            return self.ids[input.path]
        return f"{self.base}{jsonld.local('project' if input.external else 'earlier', input.path)}@{input.sha256[:12]}"

    def _ids(self, names: Iterable[str]) -> list[str]:
        return [self.ids[name] for name in names]

    def _inputs(self, records: Iterable[Record]) -> list[str]:
        return list(dict.fromkeys(self._input(input) for record in records for input in record.inputs))

    def _source(self, name: str) -> str:
        return self.base + jsonld.local("source", name)

    def _slots(self) -> dict[str, set[str]]:
        """Returns the FormalParameters that each file or folder is an example of, by its @id."""
        kinds = {self.ids[name]: _type(record) for name, record in self.known.items()}
        used = [("workflow", "input", self._ids(self.configuration)), ("workflow", "output", self._ids(self.results))]
        for (verb, *_), records in self.jobs.items():
            made = self._ids(record.output.path for record in records)
            used += [(verb, "input", self._inputs(records)), (verb, "output", made)]
        slots: dict[str, set[str]] = {}
        for tool, side, ids in used:
            for id in filter(kinds.get, ids):
                slots.setdefault(id, set()).add(jsonld.slot(tool, side, kinds[id]))
        return slots

    def _slots_of(self, tool: str, side: str) -> list[str]:
        every = set().union(*self.slots.values())
        return [slot for kind in KINDS if (slot := jsonld.slot(tool, side, kind)) in every]

    def _types(self, verb: str) -> dict[str, str]:
        """Returns the kind of each parameter of a verb, by schema.org's names."""
        given: dict[str, list] = {}
        for record in self.known.values():
            for name, value in record.parameters.items() if record.verb == verb else ():
                given.setdefault(name, []).extend([] if value is None else [value])
        return {name: jsonld.kind_of(values) for name, values in sorted(given.items()) if values}

    def _parameters(self) -> Iterator[dict]:
        """Yields the FormalParameters, and the values that were given for them."""
        for slot in sorted(set().union(*self.slots.values())):
            side, _, kind = slot.rpartition("/")[2].partition("-")
            yield jsonld.formal_parameter(slot, f"{side}s", kind)
        for verb in self.verbs:
            for name, kind in self.types[verb].items():
                yield jsonld.formal_parameter(jsonld.local("parameter", f"{verb}/{name}"), name, kind)
        values = {value["@id"]: value for values in self.values.values() for value in values}
        yield from (values[id] for id in sorted(values))

    def _tool_ids(self, verb: str | None = None) -> list[str]:
        return sorted({jsonld.tool(record) for record in self.known.values() if verb in (None, record.verb)})

    def _tools(self) -> Iterator[dict]:
        """Yields the verbs, each with the code and packages that it ran with, and the workflow's steps."""
        for id, record in sorted({jsonld.tool(record): record for record in self.known.values()}.items()):
            named = [jsonld.local("parameter", f"{record.verb}/{name}") for name in self.types[record.verb]]
            packages = [f"{name} {version}" for name, version in sorted(record.environment.packages.items())]
            packages += [f"{name}={value}" for name, value in sorted(record.environment.settings.items())]
            yield jsonld.entity(
                id,
                "SoftwareApplication",
                f"odelt {record.verb}",
                url=jsonld.PAPER,
                softwareVersion=jsonld.version(record),
                softwareRequirements=jsonld.one_or_all([f"Python {record.environment.python}", *packages]),
                input=jsonld.refs(self._slots_of(record.verb, "input") + named),
                output=jsonld.refs(self._slots_of(record.verb, "output")),
            )
        for position, verb in enumerate(self.verbs, 1):
            facts = {"position": str(position), "workExample": jsonld.refs(self._tool_ids(verb))}
            yield jsonld.entity(jsonld.local("step", verb), "HowToStep", verb, **facts)

    def _actions(self) -> Iterator[dict]:
        """Yields the jobs, the link of each to its step, the run of the whole workflow, and Snakemake's part."""
        for job, records in self.jobs.items():
            yield self._job(job, records)
            parts = {"instrument": {"@id": jsonld.local("step", job[0])}, "object": {"@id": _run(job)}}
            yield jsonld.entity(_run(job, "control"), "ControlAction", job[0], **parts)
        yield jsonld.action(
            RUN,
            "the workflow",
            "All jobs together, from the first one's start to the last one's end.",
            self.known.values(),
            instrument={"@id": self.workflow[0]},
            object=jsonld.refs([*self._ids(self.configuration), *map(self._source, self.sources)]),
            result=jsonld.refs(self._ids(self.results)),
        )
        yield jsonld.entity(
            "#engine",
            "OrganizeAction",
            "Snakemake's part",
            result={"@id": RUN},
            instrument={"@id": jsonld.SNAKEMAKE},
            object=jsonld.refs(_run(job, "control") for job in self.jobs),
            agent={"@id": jsonld.AGENT},
        )

    def _job(self, job: tuple, records: Sequence[Record]) -> dict:
        record = records[0]
        given = self._inputs(records)
        if record.verb == "fetch" and (name := record.parameters.get("name")) in self.sources:
            given.append(self._source(name))
        where = record.environment.computed_on
        what = f"{record.output.path}{f' and {len(records) - 1} more' if len(records) > 1 else ''}"
        return jsonld.action(
            _run(job),
            f"{record.verb}: {what}",
            f"`odelt {record.verb}`{f' on {where}' if where else ''}: {what}",
            records,
            instrument={"@id": jsonld.tool(record)},
            object=jsonld.refs(given + [value["@id"] for value in self.values[job]]),
            result=jsonld.refs(self._ids(made.output.path for made in records)),
        )


KINDS = ("File", "Dataset")


def _type(record: Record) -> str:
    return "File" if record.output.files is None else "Dataset"


def _is_table(name: str) -> bool:
    return pathlib.PurePosixPath(name).suffix in TABLES


def _run(job: tuple, kind: str = "run") -> str:
    return f"{jsonld.local(kind, job[0])}/{jsonld.short(job)}"
