"""How the workspace shows what its machines may do, and how much."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from components.contract import Proof, Record, Records, Verdict, of_type
from components.proof import all_of, every, none, of, some
from providers.azure.evidence import reading as r
from providers.azure.evidence.reading import at, docker_run, says

OTHER_MACHINES: Final = (
    r.token("compute", "VirtualMachine"),
    r.token("monitor", "AutoscaleSetting"),
    r.token("containerinstance", "ContainerGroup"),
    r.token("app", "ContainerApp"),
    r.token("app", "Job"),
    r.token("batch", "BatchAccount"),
    r.token("machinelearningservices", "Compute"),
    r.token("web", "WebApp"),
)
_SCREENS: Final = (
    r.token("network", "BastionHost"),
    r.token("desktopvirtualization", "HostPool"),
    r.token("compute", "VirtualMachineScaleSetExtension"),
    r.token("compute", "VirtualMachineScaleSetVMRunCommand"),
)


def _confined(record: Record) -> bool:
    words = docker_run(record)
    user = words[words.index("--user") + 1] if "--user" in words else "0"
    return (
        user.partition(":")[0] not in ("0", "root")
        and says(words, "--read-only")
        and says(words, "--cap-drop", "ALL")
        and says(words, "--security-opt", "no-new-privileges")
        and not {"--privileged", "--cap-add", "--device", "--pid", "--network", "--ipc"} & set(words)
        and all(each.startswith("/data/") for each in _mounts(words))
    )


def _mounts(words: list[str]) -> list[str]:
    return [words[index + 1] for index, word in enumerate(words) if word in ("-v", "--volume", "--mount")]


NO_PRIVILEGE = all_of(
    every(
        "the workspace runs as a plain user without capabilities on a read-only root",
        r.MACHINES,
        holds=_confined,
    ),
    every(
        "its machine starts nothing that is not signed",
        r.MACHINES,
        holds=lambda record: (
            r.fields(record, "virtualMachineProfile", "securityProfile", "uefiSettings")
            == {"secureBootEnabled": True, "vTpmEnabled": True}
        ),
    ),
    every(
        "nothing from outside runs as root on it",
        r.MACHINES,
        holds=lambda record: (
            at(record, "virtualMachineProfile", "osProfile", "allowExtensionOperations") is False
        ),
    ),
)


def approved(asked: Mapping[str, Any]) -> Proof:
    """Return the proof that machines run the approved image, by digest, from the project's own copy."""
    digest = asked["image"].partition("@")[2]
    from_approved = any(asked["image"].startswith(f"{registry}/") for registry in asked["image_registries"])

    def is_it(record: Record) -> bool:
        image = (docker_run(record) or [""])[-1]
        return (
            from_approved
            and digest.startswith("sha256:")
            and image.endswith(f".azurecr.io/{_path(image)}@{digest}")
        )

    def own_copy(records: Records) -> Verdict:
        paths = {_path((docker_run(each) or [""])[-1]) for each in of_type(records, r.MACHINES)}
        return every(
            "they may pull that image and no other",
            r.ASSIGNMENT,
            where=of(r.ASSIGNMENT, "-images"),
            holds=lambda record: all(f"'{path}'" in record.inputs.get("condition", "") for path in paths),
        )(records)

    return all_of(
        every("every machine runs the approved image by its digest", r.MACHINES, holds=is_it),
        own_copy,
        _pulls_by_condition,
        every("the machine's own image is one fixed version", r.MACHINES, holds=_fixed_version),
    )


def _pulls_by_condition(records: Records) -> Verdict:
    return every(
        "no right over a registry is without a condition",
        r.ASSIGNMENT,
        where=lambda record: "/Microsoft.ContainerRegistry/registries/" in str(record.inputs.get("scope")),
        holds=lambda record: (
            bool(record.inputs.get("condition")) and r.rights_of(record, records) == frozenset({"pull"})
        ),
    )(records)


def _path(image: str) -> str:
    return image.partition("/")[2].partition("@")[0]


def _fixed_version(record: Record) -> bool:
    image = at(record, "virtualMachineProfile", "storageProfile", "imageReference", "id") or ""
    return bool(re.search(r"/versions/\d+\.\d+\.\d+$", str(image)))


def _nobody_enters(records: Records) -> Verdict:
    machine, door = r.inside(records, "machines"), r.inside(records, "doors")

    def closed(record: Record) -> bool:
        sources = ("8.8.8.8", "10.200.0.1", door, machine)
        return not any(
            r.lets_through(record, "Inbound", each, machine, port)
            for each in sources
            for port in (22, 3389, 8443)
        )

    return every("nothing comes in", r.RULES, where=of(r.RULES, "-machines"), holds=closed)(records)


NO_COPY_OUT = all_of(
    every(
        "no picture of a machine's screen and no console",
        r.MACHINES,
        holds=lambda record: (
            at(record, "virtualMachineProfile", "diagnosticsProfile", "bootDiagnostics", "enabled") is False
        ),
    ),
    every(
        "what the workspace prints stays on its machine",
        r.MACHINES,
        holds=lambda record: says(docker_run(record), "--log-driver", "journald"),
    ),
    every(
        "nobody signs in with a password, and no door is open to a key",
        r.MACHINES,
        holds=lambda record: (
            at(
                record,
                "virtualMachineProfile",
                "osProfile",
                "linuxConfiguration",
                "disablePasswordAuthentication",
            )
            is True
            and not says(docker_run(record), "-p")
        ),
    ),
    _nobody_enters,
    none("no screen or shell beside", *_SCREENS),
)

_SIZES: Final = (
    # (pattern of a size, GiB of memory per core), from Azure's table of sizes.
    (re.compile(r"Standard_D(\d+)ls_v5"), 2.0),
    (re.compile(r"Standard_D(\d+)s_v5"), 4.0),
    (re.compile(r"Standard_E(\d+)s_v5"), 8.0),
    (re.compile(r"Standard_DC(\d+)as_v5"), 4.0),
    (re.compile(r"Standard_EC(\d+)as_v5"), 8.0),
    (re.compile(r"Standard_NC(\d+)ads_A100_v4"), 220 / 24),
)


def _size(name: str) -> tuple[float, float]:
    """Return a size's cores and memory; one that is not known here is larger than any share."""
    for pattern, per_core in _SIZES:
        if found := pattern.fullmatch(name):
            cores = float(found.group(1))
            return cores, cores * per_core
    return float("inf"), float("inf")


def quota(asked: Mapping[str, Any]) -> Proof:
    """Return the proof that cores, memory, machines and disks stay within the share."""
    share = asked["quota"]

    def within(record: Record) -> bool:
        count = at(record, "sku", "capacity") or 0
        cores, memory = _size(str(at(record, "sku", "name")))
        disk = at(record, "virtualMachineProfile", "storageProfile", "osDisk", "diskSizeGB") or float("inf")
        return (
            0 < count <= share["machines"]
            and count * cores <= share["cpu"]
            and count * memory <= share["memory_gib"]
            and count * disk <= share["storage_gib"]
            and record.inputs.get("overprovision") is False
        )

    def one(records: Records) -> Verdict:
        found = of_type(records, r.MACHINES)
        return every("there is one set of machines", r.MACHINES, holds=lambda _: len(found) == 1)(records)

    return all_of(
        one,
        every("its cores, memory and disks are within the share", r.MACHINES, holds=within),
        none("nothing else computes, and nothing adds machines", *OTHER_MACHINES),
    )


def budget(asked: Mapping[str, Any]) -> Proof:
    """Return the proof that computing stops when the budget is spent."""

    def acts(record: Record) -> bool:
        check = r.fields(record, "definition", "actions", "below")
        stop = check.get("else", {}).get("actions", {}).get("stop", {}).get("inputs", {})
        question = r.fields(record, "definition", "actions", "cost", "inputs", "body")
        return (
            record.inputs.get("state") == "Enabled"
            and _hourly(record)
            and _only_if_below(check, asked["budget"]["amount"])
            and "/deallocate?" in stop.get("uri", "")
            and question.get("timeframe") == "Custom"
        )

    def counts_own(records: Records) -> Verdict:
        groups = {each.inputs["resourceGroupName"] for each in of_type(records, r.GROUP)}
        return all_of(
            every(
                "it asks for the costs of the project's own groups",
                r.GUARD,
                holds=lambda record: set(_asked_groups(record)) == groups,
            ),
            every(
                "people are told by the same count",
                r.BUDGET,
                holds=lambda record: (
                    set(at(record, "filter", "dimensions", "values") or ()) == groups
                    and record.inputs.get("amount") == asked["budget"]["amount"]
                ),
            ),
        )(records)

    return all_of(
        every(
            "every hour a guard stops the machines unless the cost is known to be below", r.GUARD, holds=acts
        ),
        counts_own,
        _may_stop,
        every(
            "no workspace outlasts its deadline",
            r.MACHINES,
            holds=lambda record: f"RuntimeMaxSec={asked['deadline_hours'] * 3600:.0f} " in r.script(record),
        ),
    )


def _hourly(record: Record) -> bool:
    triggers = r.fields(record, "definition", "triggers")
    recurrences = [each.get("recurrence", {}) for each in triggers.values()]
    return [(each.get("frequency"), each.get("interval")) for each in recurrences] == [("Hour", 1)]


def _only_if_below(check: Mapping[str, Any], amount: float) -> bool:
    terms = check.get("expression", {}).get("and", [])
    known = any(each.get("equals", [""])[-1] == "Succeeded" for each in terms)
    below = any(each.get("less", [""])[-1] == amount for each in terms)
    whenever = {"Succeeded", "Failed", "TimedOut", "Skipped"} <= set(
        check.get("runAfter", {}).get("cost", [])
    )
    return known and below and whenever


def _asked_groups(record: Record) -> list[str]:
    body = r.fields(record, "definition", "actions", "cost", "inputs", "body")
    return body.get("dataset", {}).get("filter", {}).get("dimensions", {}).get("values", [])


def _may_stop(records: Records) -> Verdict:
    guard = r.principal("guard", records)
    machines = [f"{each.name}.id" for each in of_type(records, r.MACHINES)]

    def shows(right: str, scope: str) -> Proof:
        return some(
            f"the guard may {right}",
            r.ASSIGNMENT,
            holds=lambda record: (
                record.inputs.get("principalId") == guard
                and right in r.rights_of(record, records)
                and (record.inputs.get("scope") in machines if scope == "machines" else True)
            ),
        )

    return all_of(shows("stop", "machines"), shows("cost", ""))(records)
