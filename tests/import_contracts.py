"""A rule about imports that import-linter has no contract for, used in `[tool.importlinter]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importlinter import Contract, ContractCheck, fields, output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grimp import ImportGraph


class GatewaysApart(Contract):
    """Each package below `container` is one gateway's, and imports nothing of another's.

    Only the registry of routes imports its `routes`, which in turn import nothing of the gateway:
    they ask the use cases. Only the registry of settings and the gateway itself import `settings`.
    """

    type_name = "gateways_apart"

    container = fields.StringField()
    settings_registry = fields.StringField()
    routes_registry = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002
        broken = sorted(self._broken(graph))
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for sentence in check.metadata["broken"]:
            output.print_error(sentence)

    def _broken(self, graph: ImportGraph) -> Iterator[str]:
        folders = [
            child
            for child in graph.find_children(str(self.container))
            if graph.find_children(child)
        ]
        for folder in folders:
            for module in {folder, *graph.find_descendants(folder)}:
                for importer in graph.find_modules_that_directly_import(module):
                    if not self._allowed(folder, module, importer, folders):
                        yield f"{importer} may not import {module}"

    def _allowed(self, folder: str, module: str, importer: str, folders: list[str]) -> bool:
        own = importer.startswith(f"{folder}.")
        if module == f"{folder}.routes":
            return importer == str(self.routes_registry)
        if module == f"{folder}.settings":
            return own or importer == str(self.settings_registry)
        if importer == f"{folder}.routes":
            return False
        return own or not any(importer.startswith(f"{each}.") for each in folders)
