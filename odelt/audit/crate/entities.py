"""The entities of a suite's crate as plain JSON-LD, from its records: the outputs, the jobs, and the verbs that ran.

An output that the crate does not hold has a local identifier (`#output/<path>`), with size and digest. The
specification admits that (https://github.com/ResearchObject/ro-crate/issues/400), and the web has no copy to point at.
"""

import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from odelt.audit import snapshot
from odelt.audit.crate import jsonld
from odelt.config.registry import Registry
from odelt.provenance.record import Input, Record

TABLES = (".csv", ".md")
RECORDS, README = "records.json", "README.md"
DESCRIPTION = "Results of a reproduction of ODE_t(ODE_l), with the jobs that made them."
RUN = "#run"  # of the workflow as a whole


class Graph:
    """The entities of a crate of these records.

    Args:
        suite: the suite's name.
        digest: the suite's digest.
        known: the records, by the output's name.
        copied: the names of the outputs that the crate holds a copy of.
        registry: the sources' addresses and licences.
        workflow: the paths of the workflow's files in the crate, the main one first.
        snakemake: the version of Snakemake that ran the workflow. No record holds it.
    """

    def __init__(
        self,
        suite: str | None,
        digest: str,
        known: Mapping[str, Record],
        copied: set[str],
        registry: Registry,
        workflow: Sequence[str],
        snakemake: str,
    ):
        self.suite, self.digest, self.known, self.registry, self.workflow = suite, digest, known, registry, workflow
        self.snakemake = snakemake
        self.base = f"https://odelt.invalid/{digest}/"
        self._dated = {"sdDatePublished": max(record.ended for record in known.values())}
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
        self.values = {
            job: jsonld.property_values(job[0], records[0], self._types(job[0])) for job, records in self.jobs.items()
        }
        fetched = {str(record.parameters.get("name")) for record in known.values() if record.verb == "fetch"}
        self.sources = sorted(name for name in fetched if name in registry)
        self.slots = self._slots()

    def readme(self) -> str:
        lines = (
            f"# The suite '{self.suite}' of odelt",
            f"{DESCRIPTION} The suite's digest: `{self.digest}`.",
            "`outputs/` holds what people read; larger files are described in `ro-crate-metadata.json` with their "
            f"digests. `{RECORDS}` holds the record of every output.",
        )
        return "\n\n".join(lines) + "\n"

    def root(self) -> dict:
        """Returns the properties of the root."""
        tables = [self.ids[name] for name in self.results if _is_table(name)]
        return {
            "name": f"odelt: the suite '{self.suite}'",
            "description": f"{DESCRIPTION} The identifier is the digest that `odelt audit` tells of the suite.",
            "identifier": self.digest,
            "datePublished": self._dated["sdDatePublished"],
            "license": {"@id": jsonld.LICENCE},
            "author": {"@id": jsonld.AUTHORS},
            "publisher": {"@id": jsonld.AUTHORS},
            "conformsTo": jsonld.refs(jsonld.PROFILES),
            # The profile wants the workflow as the main entity: what the crate is about are the tables all the same.
            **jsonld.some("about", tables),
            "mentions": jsonld.refs([RUN, "#engine", *map(_run, self.jobs)]),
        }

    def files(self) -> Iterator[dict]:
        """Yields the files that the crate holds, the tables first."""
        for name in sorted(filter(self._is_copied, self.known), key=lambda name: (name not in self.results, name)):
            yield self._output(self.known[name])
        yield self._workflow()
        for path in self.workflow[1:]:
            yield {"@id": path, "@type": ["File", "SoftwareSourceCode"], "name": path, **self._source_code(path)}
        name = "the record of every output, by its path in the suite's folder"
        yield {"@id": RECORDS, "@type": "File", "name": name, **self._dated, **jsonld.media(RECORDS)}
        about = {"name": "what this crate is", "about": {"@id": "./"}}
        yield {"@id": README, "@type": "CreativeWork", **about, **jsonld.media(README)}

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
                properties = {"name": input.path, "sha256": input.sha256, **jsonld.media(input.path)}
                yield {"@id": id, "@type": "CreativeWork", **properties}
        for name in self.sources:
            source = self.registry[name]
            properties = {"name": source.what, "license": source.licence, "url": source.address}
            yield {"@id": self._source(name), "@type": "CreativeWork", **properties}
        yield from self._parameters()
        yield from self._tools()
        yield from self._actions()

    def _is_copied(self, name: str) -> bool:
        return self.ids[name] in self.copy_of

    def _output(self, record: Record) -> dict:
        output = record.output
        id, kind = self.ids[output.path], _type(record)
        properties = {"name": output.path, "contentSize": str(output.bytes), "sha256": output.sha256} | self._dated
        media = jsonld.media(output.path) if kind == "File" else {}
        slots = jsonld.some("exampleOfWork", sorted(self.slots.get(id, ())))
        return {"@id": id, "@type": kind, **properties, **media, **slots}

    def _workflow(self) -> dict:
        main = self.workflow[0]
        steps = [jsonld.local("step", verb) for verb in self.verbs]
        return {
            "@id": main,
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            "name": "odelt's workflow",
            **self._source_code(main),
            "conformsTo": {"@id": jsonld.BIOSCHEMAS.format("ComputationalWorkflow")},
            "license": {"@id": jsonld.LICENCE},
            "hasPart": jsonld.refs(self._tool_ids()),
            "step": jsonld.refs(steps),
            **jsonld.some("input", self._slots_of("workflow", "input")),
            **jsonld.some("output", self._slots_of("workflow", "output")),
        }

    def _source_code(self, path: str) -> dict:
        versions = sorted({jsonld.version(record) for record in self.known.values()})
        return (
            {
                "programmingLanguage": {"@id": jsonld.LANGUAGE},
                "url": jsonld.PAPER,
                "version": ", ".join(versions),
            }
            | self._dated
            | jsonld.media(path)
        )

    def _input(self, input: Input) -> str:
        """Returns the identifier of an input: that of an output, if it is unchanged, or else one with its digest."""
        now = None if input.external else self.known.get(input.path)
        if now and now.output.sha256 == input.sha256:
            return self.ids[input.path]
        return f"{self.base}{jsonld.local('project' if input.external else 'earlier', input.path)}@{input.sha256[:12]}"

    def _inputs(self, records: Iterable[Record]) -> list[str]:
        return list(dict.fromkeys(self._input(input) for record in records for input in record.inputs))

    def _source(self, name: str) -> str:
        return self.base + jsonld.local("source", name)

    def _slots(self) -> dict[str, set[str]]:
        """Returns the FormalParameters that each file or folder is an example of, by its @id."""
        kinds = {self.ids[name]: _type(record) for name, record in self.known.items()}
        slots: dict[str, set[str]] = {}

        def fill(tool: str, side: str, ids: Iterable[str]) -> None:
            for id in ids:
                slots.setdefault(id, set()).add(jsonld.slot(tool, side, kinds[id]))

        for (verb, *_), records in self.jobs.items():
            fill(verb, "input", filter(kinds.get, self._inputs(records)))
            fill(verb, "output", (self.ids[record.output.path] for record in records))
        fill("workflow", "input", (self.ids[name] for name in self.configuration))
        fill("workflow", "output", (self.ids[name] for name in self.results))
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
            for name, kind in self._types(verb).items():
                yield jsonld.formal_parameter(jsonld.local("parameter", f"{verb}/{name}"), name, kind)
        values = {value["@id"]: value for values in self.values.values() for value in values}
        yield from (values[id] for id in sorted(values))

    def _tool_ids(self, verb: str | None = None) -> list[str]:
        return sorted({jsonld.tool(record) for record in self.known.values() if verb in (None, record.verb)})

    def _tools(self) -> Iterator[dict]:
        """Yields the verbs, each with the code and packages that it ran with, and the workflow's steps."""
        for id, record in sorted({jsonld.tool(record): record for record in self.known.values()}.items()):
            named = [jsonld.local("parameter", f"{record.verb}/{name}") for name in self._types(record.verb)]
            packages = [f"{name} {version}" for name, version in sorted(record.environment.packages.items())]
            packages += [f"{name}={value}" for name, value in sorted(record.environment.settings.items())]
            yield {
                "@id": id,
                "@type": "SoftwareApplication",
                "name": f"odelt {record.verb}",
                "url": jsonld.PAPER,
                "softwareVersion": jsonld.version(record),
                "softwareRequirements": jsonld.one_or_all([f"Python {record.environment.python}", *packages]),
                **jsonld.some("input", self._slots_of(record.verb, "input") + named),
                **jsonld.some("output", self._slots_of(record.verb, "output")),
            }
        for position, verb in enumerate(self.verbs, 1):
            step = {
                "@id": jsonld.local("step", verb),
                "@type": "HowToStep",
                "name": verb,
                "position": str(position),
            }
            yield {**step, "workExample": jsonld.refs(self._tool_ids(verb))}

    def _actions(self) -> Iterator[dict]:
        """Yields the jobs, the link of each to its step, the run of the whole workflow, and Snakemake's part."""
        every = self.known.values()
        for job, records in self.jobs.items():
            record = records[0]
            sources = [self._source(name) for name in self.sources if record.parameters.get("name") == name]
            objects = [*self._inputs(records), *(sources if record.verb == "fetch" else ())]
            results = [self.ids[made.output.path] for made in records]
            where = record.environment.computed_on
            description = f"`odelt {record.verb}`{f' on {where}' if where else ''}: {records[0].output.path}"
            more = f" and {len(records) - 1} more" if len(records) > 1 else ""
            action = jsonld.action(_run(job), f"{record.verb}: {record.output.path}{more}", description + more, records)
            values = [value["@id"] for value in self.values[job]]
            yield (
                action
                | {"instrument": {"@id": jsonld.tool(record)}, **jsonld.some("object", objects + values)}
                | {"result": jsonld.refs(results)}
            )
            control = {"@id": _run(job).replace("#run", "#control", 1), "@type": "ControlAction", "name": record.verb}
            step = {"@id": jsonld.local("step", record.verb)}
            yield control | {"instrument": step, "object": {"@id": _run(job)}}
        brought = [self._source(name) for name in self.sources]
        given = [self.ids[name] for name in self.configuration]
        run = jsonld.action(
            RUN, "the workflow", "All jobs together, from the first one's start to the last one's end.", every
        )
        ended = jsonld.refs([self.ids[name] for name in self.results])
        yield run | {
            "instrument": {"@id": self.workflow[0]},
            **jsonld.some("object", given + brought),
            "result": ended,
        }
        controls = [_run(job).replace("#run", "#control", 1) for job in self.jobs]
        engine = {"@id": "#engine", "@type": "OrganizeAction", "name": "Snakemake's part", "result": {"@id": RUN}}
        yield engine | {
            "instrument": {"@id": jsonld.SNAKEMAKE},
            "object": jsonld.refs(controls),
            "agent": {"@id": jsonld.AGENT},
        }


KINDS = ("File", "Dataset")


def _type(record: Record) -> str:
    return "File" if record.output.files is None else "Dataset"


def _is_table(name: str) -> bool:
    return pathlib.PurePosixPath(name).suffix in TABLES


def _run(job: tuple) -> str:
    return f"{jsonld.local('run', job[0])}/{jsonld.short(job)}"
