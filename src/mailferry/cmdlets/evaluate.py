"""Runs what was parsed: variables, expressions, pipelines. A session lasts as long as its console or script."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from mailferry.cmdlets import members, operators, tree
from mailferry.cmdlets.bind import Argument, Bound, bind
from mailferry.cmdlets.calling import run_service_cmdlet
from mailferry.cmdlets.client import Client
from mailferry.cmdlets.convert import convert, text_of
from mailferry.cmdlets.errors import BindingError, CommandError, Exit, MissingParameters, ParseError, Span
from mailferry.cmdlets.format import value_text
from mailferry.cmdlets.host import Host, NobodyToAsk
from mailferry.cmdlets.language import RUNNERS
from mailferry.cmdlets.layout import show
from mailferry.cmdlets.parse import parse
from mailferry.cmdlets.running import Input, Invocation
from mailferry.cmdlets.spec import find_cmdlet
from mailferry.cmdlets.spec_model import Cmdlet, Parameter, ValueType
from mailferry.cmdlets.words import number

_CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "null": None}


class Session:
    """Runs commands one after the other, with the variables they set.

    `client` None: there is no service yet, and cmdlets that need one say so. `folder`: paths of files are seen from
    here. `failed`: something went wrong since it was last set to False.
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
        return [item for statement in parse(text).statements for item in self._statement(statement)]

    def report(self, error: CommandError, invocation: Invocation) -> None:
        """Deal with an error that does not end the pipeline, as -ErrorAction says. Raises it for Stop."""
        error.placed(None, invocation.cmdlet.name)
        self.failed = True
        given = invocation.text("ErrorAction") or text_of(self.variable("ErrorActionPreference"))
        if given.lower() == "stop":
            raise _Stop(error)
        if given.lower() not in ("silentlycontinue", "ignore"):
            self.host.error(error, self._text)

    def _run(self, text: str) -> None:
        self._text = text
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
                self._failed(found.error if isinstance(found, _Stop) else found)
                stops = text_of(self.variable("ErrorActionPreference")).lower() == "stop"
                if stops or isinstance(found, _Stop):
                    return

    def _shown(self, statement: tree.Node) -> CommandError | _Stop | None:
        """Run a statement and show what it gives, also what it gave before an error; give the error."""
        objects: list[object] = []
        failed: CommandError | _Stop | None = None
        try:
            for item in self._statement(statement):
                objects.append(item)
        except (CommandError, _Stop) as error:
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

    def _statement(self, node: tree.Node) -> Iterator[object]:
        if isinstance(node, tree.Assignment):
            self._assign(node)
        elif isinstance(node, tree.Pipeline):
            yield from self._pipeline(node)
        else:
            yield from _items(self._value(node))

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
            self.variables[name] = self._value(value)

    def _pipeline(self, node: tree.Pipeline) -> Iterator[object]:
        objects: Input = None
        for part in node.parts:
            objects = self._part(part, objects)
        return objects if objects is not None else iter(())

    def _part(self, part: tree.Node, objects: Input) -> Iterator[object]:
        if isinstance(part, tree.Command):
            return self._command(part, objects)
        return _items(self._value(part))

    def _command(self, node: tree.Command, objects: Input) -> Iterator[object]:
        if node.name.lower() in ("exit", "quit"):
            raise Exit(self._exit_status(node))
        cmdlet = find_cmdlet(node.name)
        if cmdlet is None:
            raise CommandError(
                f"The term '{node.name}' is not recognized as the name of a cmdlet.",
                span=node.span,
                advice="Get-Command lists the cmdlets; check the spelling.",
                error_id="CommandNotFoundException",
            )
        try:
            if objects is not None and not any(parameter.pipeline for parameter in cmdlet.parameters):
                raise BindingError("The command takes no pipeline input.", error_id="InputObjectNotBound")
            bound = self._bound(cmdlet, self._arguments(node), piped=objects is not None)
            run = RUNNERS.get(cmdlet.name, run_service_cmdlet)
            yield from run(Invocation(self, bound), objects)
        except CommandError as error:
            raise error.placed(node.span, cmdlet.name) from None

    def _exit_status(self, node: tree.Command) -> int:
        values = [self._value(element) for element in node.elements]
        found = number(value_text(values[0])) if values else 0
        return found % 256 if isinstance(found, int) else 1

    def _arguments(self, node: tree.Command) -> list[Argument]:
        arguments = []
        for element in node.elements:
            if not isinstance(element, tree.Parameter):
                arguments.append(Argument(element.span, value=self._value(element)))
            elif element.value is None:
                arguments.append(Argument(element.span, element.name, has_value=False))
            else:
                arguments.append(Argument(element.span, element.name, self._value(element.value)))
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
            return [found for statement in block.block.statements for found in self._statement(statement)]
        finally:
            if had:
                self.variables["_"] = before
            else:
                self.variables.pop("_", None)

    # --- expressions -------------------------------------------------------------------------------------------

    def _value(self, node: tree.Node) -> object:
        """Give the value of an expression. Raises CommandError with the place."""
        try:
            return self._evaluated(node)
        except CommandError as error:
            raise error.placed(node.span) from None

    def _evaluated(self, node: tree.Node) -> object:
        match node:
            case tree.Literal():
                return node.value
            case tree.Variable(name=name):
                return self.variable(name)
            case tree.Expandable(parts=parts):
                return "".join(part if isinstance(part, str) else _in_text(self._value(part)) for part in parts)
            case tree.ListOf(items=items):
                return [self._value(item) for item in items]
            case tree.ScriptBlock():
                return node
            case tree.Pipeline():
                return self._collected(node)
            case tree.Block(statements=statements, as_list=as_list):
                found = [item for statement in statements for item in self._statement(statement)]
                return found if as_list else _collapsed(found)
            case tree.Member(target=target, name=name):
                return members.member(self._value(target), name)
            case tree.MemberCall(target=target, name=name, arguments=arguments):
                return members.call(self._value(target), name, [self._value(a) for a in arguments])
            case tree.Index(target=target, index=index):
                return members.index(self._value(target), self._value(index))
            case tree.Static(type=type_, name=name, arguments=given):
                values = None if given is None else [self._value(argument) for argument in given]
                return members.static(type_, name, values, self.now(), self.folder)
            case tree.Cast(type=type_, operand=operand):
                return members.cast(type_, self._value(operand))
            case tree.Unary(operator=operator, operand=operand):
                value = self._value(operand)
                return not operators.truth(value) if operator == "not" else operators.binary("-", 0, value)
            case tree.Binary(operator=operator, left=left, right=right):
                return self._binary(operator, left, right)
        raise CommandError("That cannot be evaluated here.", span=node.span)

    def _binary(self, operator: str, left: tree.Node, right: tree.Node) -> object:
        first = self._value(left)
        if (operator == "and" and not operators.truth(first)) or (operator == "or" and operators.truth(first)):
            return operator == "or"
        return operators.binary(operator, first, self._value(right))

    def _collected(self, node: tree.Pipeline) -> object:
        if len(node.parts) == 1 and not isinstance(node.parts[0], tree.Command):
            return self._value(node.parts[0])
        return _collapsed(list(self._pipeline(node)))


class _Stop(Exception):
    """An error that is to end the whole text."""

    def __init__(self, error: CommandError) -> None:
        super().__init__(str(error))
        self.error = error


def _collapsed(found: list[object]) -> object:
    """Give what a pipeline gives as a value: $null for nothing, one thing as itself, several as a list."""
    if not found:
        return None
    return found[0] if len(found) == 1 else found


def _items(value: object) -> Iterator[object]:
    """Give a value as the objects of a pipeline: the items of a list one by one, nothing for $null."""
    if value is None:
        return iter(())
    if isinstance(value, Iterable) and isinstance(value, (list, tuple)):
        return iter(value)
    return iter((value,))


def _in_text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(_in_text(item) for item in value)
    return value if isinstance(value, str) else value_text(value)
