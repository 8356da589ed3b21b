"""Runs what was parsed: variables, expressions, pipelines. A session lasts as long as its console or script."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mailferry.cmdlets import tree
from mailferry.cmdlets.bind import Argument, Bound, bind
from mailferry.cmdlets.calling import run_service_cmdlet
from mailferry.cmdlets.client import Client
from mailferry.cmdlets.convert import convert, text_of
from mailferry.cmdlets.errors import (
    BindingError,
    CommandError,
    Exit,
    MissingParameters,
    ParseError,
    ServiceError,
    Span,
)
from mailferry.cmdlets.expressions import items_of, value_of
from mailferry.cmdlets.format import value_text
from mailferry.cmdlets.helping import help_text
from mailferry.cmdlets.host import Host, NobodyToAsk
from mailferry.cmdlets.language import RUNNERS
from mailferry.cmdlets.layout import show
from mailferry.cmdlets.parse import parse
from mailferry.cmdlets.running import Input, Invocation
from mailferry.cmdlets.spec import find_cmdlet
from mailferry.cmdlets.spec_model import Cmdlet, Parameter, ValueType
from mailferry.cmdlets.suggestions import advised_of_list, places_of, takes_no_input, unknown, unneeded
from mailferry.cmdlets.words import number

_CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "null": None}


class Session:
    """Runs commands one after the other, with the variables they set.

    `client` None: there is no service yet, and cmdlets that need one say so. `folder`: paths of files are seen from
    here. `failed`: something went wrong since it was last set to False. `ends_at_errors`: as in a script, nothing is
    run behind a statement in which something went wrong, unless -ErrorAction or $ErrorActionPreference was given.
    """

    def __init__(
        self,
        client: Client | None,
        host: Host,
        *,
        folder: Path | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        environment: Mapping[str, str] | None = None,
        no_service: str = "There is no connection to a service.",
    ) -> None:
        self.host = host
        self.folder = folder or Path.cwd()
        self.variables: dict[str, object] = {}
        self.failed = False
        self.ends_at_errors = False
        self._ended = False
        self._inside = 0
        self._client = client
        self._clock = clock
        self._environment = os.environ if environment is None else environment
        self._no_service = no_service
        self._text = ""

    @property
    def client(self) -> Client:
        """The connection to the service. Raises CommandError."""
        if self._client is None:
            raise CommandError(self._no_service, error_id="NotConnected")
        return self._client

    def now(self) -> datetime:
        """Tell the time, in UTC, to the second."""
        return self._clock().astimezone(UTC).replace(microsecond=0)

    def variable(self, name: str) -> object:
        """Give the value of a variable, $null if it is not set."""
        lower = name.lower()
        if lower.startswith("env:"):
            return self._environment.get(name[4:])
        return _CONSTANTS[lower] if lower in _CONSTANTS else self.variables.get(lower)

    # --- whole texts ---------------------------------------------------------------------------------------

    def run(self, text: str) -> bool:
        """Run all commands of a text and show what they give and what goes wrong. False: something went wrong.

        A text that cannot be parsed is not run at all; a command that fails does not stop those behind it, unless
        -ErrorAction or $ErrorActionPreference says Stop. Raises Exit when `exit` is met.
        """
        before, self.failed = self.failed, False
        try:
            self._run(text)
        finally:
            ok = not self.failed
            self.failed = self.failed or before
            self.variables["?"] = ok
        return ok

    def evaluate(self, text: str) -> list[object]:
        """Run a text and give what its commands give. Raises CommandError for what `run` would show."""
        self._text = text
        return [item for statement in parse(text).statements for item in self.objects(statement)]

    def report(self, error: CommandError, invocation: Invocation) -> None:
        """Deal with an error that does not end the pipeline, as -ErrorAction says. Raises it for Stop."""
        place = invocation.places.get(error.field) if isinstance(error, ServiceError) else None
        error.placed(place or invocation.span, invocation.cmdlet.name)
        self.failed = True
        given = invocation.text("ErrorAction") or text_of(self.variable("ErrorActionPreference"))
        ends = self.ends_at_errors and not given
        if given.lower() == "stop" or (ends and self._inside):  # a command must not go on with half of its arguments
            error.ends_all = True
            raise error
        self._ended = self._ended or ends
        if given.lower() not in ("silentlycontinue", "ignore"):
            self.host.error(error, self._text)

    def _run(self, text: str) -> None:
        self._text, self._ended = text, False
        try:
            script = parse(text)
        except ParseError as error:
            self._failed(error)
            return
        for _stray in script.strays:
            self.host.warn("A quote at the end of a line has no partner; it is ignored.")
        for statement in script.statements:
            found = self._shown(statement)
            if found is not None:
                self._failed(found)
                said = text_of(self.variable("ErrorActionPreference")).lower()
                if said == "stop" or found.ends_all or (self.ends_at_errors and not said):
                    return
            if self._ended:
                return

    def _shown(self, statement: tree.Node) -> CommandError | None:
        """Run a statement and show what it gives, also what it gave before an error; give the error."""
        objects: list[object] = []
        failed: CommandError | None = None
        try:
            for item in self.objects(statement):
                objects.append(item)
        except CommandError as error:
            failed = error
        except RecursionError:
            failed = CommandError("The command is nested too deeply.")
        if shown := show(objects, self.host.width):
            self.host.write(shown)
        return failed

    def _failed(self, error: CommandError) -> None:
        self.failed = True
        self.host.error(error, self._text)

    # --- statements and pipelines ----------------------------------------------------------------------------

    def objects(self, node: tree.Node) -> Iterator[object]:
        """Run a statement and give the objects that it gives, as they come. Raises CommandError."""
        if isinstance(node, tree.Assignment):
            self._assign(node)
        elif isinstance(node, tree.Pipeline):
            yield from self._pipeline(node)
        else:
            yield from items_of(value_of(node, self))

    def _assign(self, node: tree.Assignment) -> None:
        name = node.name.lower()
        if name in _CONSTANTS or ":" in name or name == "?":
            raise CommandError(
                f"Cannot overwrite variable {node.name}.", span=node.span, error_id="VariableNotWritable"
            )
        value = node.value
        if isinstance(value, tree.Assignment):
            self._assign(value)
            self.variables[name] = self.variables[value.name.lower()]
        else:
            self.variables[name] = value_of(value, self)

    def call(self, cmdlet: Cmdlet, arguments: Sequence[Argument], objects: Input = None) -> Iterator[object]:
        """Run one cmdlet with arguments that were not typed in the command language. Raises CommandError.

        Errors of the service are told to the host, as those of `run` are, and make `failed` true.
        """
        self._text = ""
        bound = self._bound(cmdlet, list(arguments), piped=objects is not None)
        yield from RUNNERS.get(cmdlet.name, run_service_cmdlet)(Invocation(self, bound), objects)

    def _pipeline(self, node: tree.Pipeline) -> Iterator[object]:
        objects: Input = None
        for part in node.parts:
            objects = self._part(part, objects)
        return objects if objects is not None else iter(())

    def _part(self, part: tree.Node, objects: Input) -> Iterator[object]:
        if isinstance(part, tree.Command):
            return self._command(part, objects)
        return items_of(value_of(part, self))

    def _command(self, node: tree.Command, objects: Input) -> Iterator[object]:
        if node.name.lower() in ("exit", "quit"):
            raise Exit(self._exit_status(node))
        cmdlet = find_cmdlet(node.name)
        if cmdlet is None:
            if not (remark := unneeded(node.name)):
                raise unknown(node)
            self.host.warn(remark)
            return
        if any(isinstance(element, tree.Parameter) and element.name == "?" for element in node.elements):
            yield help_text(cmdlet, self.host.width)
            return
        try:
            if objects is not None and not any(parameter.pipeline for parameter in cmdlet.parameters):
                raise takes_no_input(cmdlet)
            arguments = self._arguments(node)
            bound = self._bound(cmdlet, arguments, piped=objects is not None)
            run = RUNNERS.get(cmdlet.name, run_service_cmdlet)
            yield from run(Invocation(self, bound, node.span, places_of(cmdlet, arguments)), objects)
        except CommandError as error:
            raise error.placed(node.span, cmdlet.name) from None

    def _exit_status(self, node: tree.Command) -> int:
        values = [value_of(element, self) for element in node.elements]
        found = number(value_text(values[0])) if values else 0
        return found % 256 if isinstance(found, int) else 1

    def _arguments(self, node: tree.Command) -> list[Argument]:
        self._inside += 1
        try:
            return self._read_arguments(node)
        finally:
            self._inside -= 1

    def _read_arguments(self, node: tree.Command) -> list[Argument]:
        arguments = []
        for element in node.elements:
            if not isinstance(element, tree.Parameter):
                arguments.append(Argument(element.span, value=value_of(element, self)))
            elif element.value is None:
                arguments.append(Argument(element.span, element.name, has_value=False))
            else:
                arguments.append(Argument(element.span, element.name, value_of(element.value, self)))
        return arguments

    def _bound(self, cmdlet: Cmdlet, arguments: list[Argument], *, piped: bool) -> Bound:
        """Bind; what is missing is asked for, if there is somebody to ask."""
        try:
            return bind(cmdlet, arguments, self.converted, piped=piped)
        except MissingParameters as error:
            missing = [cmdlet.parameter(name) for name in error.names]
            if piped or any(p is None or p.type is ValueType.SWITCH for p in missing):
                raise
            try:
                asked = [self._asked(p) for p in missing if p is not None]
            except NobodyToAsk:
                raise error from None
            return bind(cmdlet, [*arguments, *asked], self.converted, piped=piped)
        except BindingError as error:
            raise advised_of_list(error, cmdlet, arguments) from None

    def _asked(self, parameter: Parameter) -> Argument:
        secret = parameter.type is ValueType.SECURE_STRING
        value = self.host.ask_secret(parameter.name) if secret else self.host.ask(parameter.name)
        return Argument(Span(0, 0), parameter.name, value)

    def converted(self, value: object, parameter: Parameter) -> object:
        """Turn a value into the type of a parameter. Raises BindingError."""
        return convert(value, parameter, self.folder)

    def run_block(self, block: tree.ScriptBlock, item: object) -> list[object]:
        """Run a script block with `$_` set to an object, and give what it gives."""
        had, before = "_" in self.variables, self.variables.get("_")
        self.variables["_"] = item
        try:
            given: list[object] = []
            for statement in block.block.statements:
                before_it, self._ended = self._ended, False
                given += self.objects(statement)
                broken, self._ended = self._ended, self._ended or before_it
                if broken:  # what follows mostly builds on it; the next object is another matter
                    break
            return given
        finally:
            if had:
                self.variables["_"] = before
            else:
                self.variables.pop("_", None)
