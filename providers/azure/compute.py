"""The project's machines: a scale set of one approved image, encrypted, with nobody's hands on them."""

from __future__ import annotations

import base64

import pulumi
from pulumi_azure_native import compute

from components.errors import Unbuildable
from components.workspace import Workspace, WorkspaceSpec
from providers.azure.boot import Boot
from providers.azure.names import Place, gallery, machine, repository
from providers.azure.network import Network
from providers.azure.sizing import Machines, machines
from providers.azure.target import AzureTarget


def check(spec: WorkspaceSpec) -> str:
    """Return the digest of the spec's image, having refused what no machine or image can serve.

    Raises:
        Unbuildable: the image is not named by digest or not approved, or the quota holds no machine.
    """
    machines(spec)
    name, _, digest = spec.image.partition("@")
    if not digest.startswith("sha256:"):
        raise Unbuildable(
            "workspace.image",
            f"{spec.image!r} is not named by digest",
            "Write 'registry/name@sha256:…', which no one can move to other bytes.",
        )
    if not any(name.startswith(f"{registry}/") for registry in spec.image_registries):
        raise Unbuildable(
            "workspace.image",
            f"{name!r} does not come from an approved registry ({', '.join(spec.image_registries)})",
            "Take an image from one of these, or have the registry approved.",
        )
    return digest


def image(home: Workspace[AzureTarget], place: Place) -> str:
    """Return the project's copy of its approved image: made at deployment, under the same digest."""
    registry = home.target.registry.rpartition("/")[2].lower()
    return f"{registry}.azurecr.io/{repository(place.site, place.project)}@{check(home.spec)}"


def build(home: Workspace[AzureTarget], place: Place, inside: Network) -> compute.VirtualMachineScaleSet:
    """Register the machines, the encryption of their disks, and who may ask their metadata service."""
    fit = machines(home.spec)
    disks = _encryption(home, place, inside)
    boot = Boot(
        place.identity_id("analyst"), place.account("data"), image(home, place), home.spec.deadline_hours
    )
    return compute.VirtualMachineScaleSet(
        home.spec.scope,
        resource_group_name=inside.group,
        vm_scale_set_name=place.general("machines"),
        location=home.target.region,
        sku=compute.SkuArgs(name=fit.size, tier="Standard", capacity=fit.count),
        orchestration_mode="Uniform",
        upgrade_policy=compute.UpgradePolicyArgs(mode=compute.UpgradeMode.MANUAL),
        # Azure may otherwise start more machines than asked for, and delete the slowest.
        overprovision=False,
        single_placement_group=False,
        identity=compute.VirtualMachineScaleSetIdentityArgs(
            type=compute.ResourceIdentityType.USER_ASSIGNED,
            user_assigned_identities=[place.identity_id("analyst")],
        ),
        virtual_machine_profile=compute.VirtualMachineScaleSetVMProfileArgs(
            os_profile=_system(home, place, boot),
            storage_profile=_disk(home, fit, disks),
            network_profile=_card(inside),
            security_profile=_security(home, _metadata(home, place, inside)),
            # A picture of the screen, and a console, would be two ways out.
            diagnostics_profile=compute.DiagnosticsProfileArgs(
                boot_diagnostics=compute.BootDiagnosticsArgs(enabled=False)
            ),
        ),
        opts=home.child(),
    )


def _encryption(home: Workspace[AzureTarget], place: Place, inside: Network) -> compute.DiskEncryptionSet:
    keeper = place.identity_id("keeper")
    kind = (
        "ConfidentialVmEncryptedWithCustomerKey" if home.spec.sandboxed else "EncryptionAtRestWithCustomerKey"
    )
    return compute.DiskEncryptionSet(
        home.spec.scope,
        resource_group_name=inside.group,
        disk_encryption_set_name=place.general("disks"),
        location=home.target.region,
        identity=compute.EncryptionSetIdentityArgs(type="UserAssigned", user_assigned_identities=[keeper]),
        encryption_type=kind,
        active_key=compute.KeyForDiskEncryptionSetArgs(key_url=home.data.key),
        rotation_to_latest_key_version_enabled=True,
        opts=home.child(),
    )


def _system(
    home: Workspace[AzureTarget], place: Place, boot: Boot
) -> compute.VirtualMachineScaleSetOSProfileArgs:
    user = "operator"
    key = compute.SshPublicKeyArgs(
        path=f"/home/{user}/.ssh/authorized_keys", key_data=home.target.break_glass_key
    )
    return compute.VirtualMachineScaleSetOSProfileArgs(
        computer_name_prefix=machine(place.site, place.project),
        admin_username=user,
        custom_data=base64.b64encode(boot.script().encode()).decode(),
        # An extension, or a run command, is a script from outside that runs as root.
        allow_extension_operations=False,
        linux_configuration=compute.LinuxConfigurationArgs(
            disable_password_authentication=True,
            provision_vm_agent=True,
            ssh=compute.SshConfigurationArgs(public_keys=[key]),
        ),
    )


def _disk(
    home: Workspace[AzureTarget], fit: Machines, disks: compute.DiskEncryptionSet
) -> compute.VirtualMachineScaleSetStorageProfileArgs:
    key = compute.DiskEncryptionSetParametersArgs(id=disks.id)
    managed = (
        compute.VirtualMachineScaleSetManagedDiskParametersArgs(
            storage_account_type="Premium_LRS",
            security_profile=compute.VMDiskSecurityProfileArgs(
                security_encryption_type="DiskWithVMGuestState", disk_encryption_set=key
            ),
        )
        if home.spec.sandboxed
        else compute.VirtualMachineScaleSetManagedDiskParametersArgs(
            storage_account_type="Premium_LRS", disk_encryption_set=key
        )
    )
    return compute.VirtualMachineScaleSetStorageProfileArgs(
        image_reference=compute.ImageReferenceArgs(id=home.target.machine_image),
        os_disk=compute.VirtualMachineScaleSetOSDiskArgs(
            create_option="FromImage",
            caching=compute.CachingTypes.READ_ONLY,
            disk_size_gb=fit.disk_gib,
            managed_disk=managed,
        ),
    )


def _card(inside: Network) -> compute.VirtualMachineScaleSetNetworkProfileArgs:
    address = compute.VirtualMachineScaleSetIPConfigurationArgs(
        name="inside", primary=True, subnet=compute.ApiEntityReferenceArgs(id=inside.subnet("machines"))
    )
    card = compute.VirtualMachineScaleSetNetworkConfigurationArgs(
        name="inside", primary=True, enable_ip_forwarding=False, ip_configurations=[address]
    )
    return compute.VirtualMachineScaleSetNetworkProfileArgs(network_interface_configurations=[card])


def _security(home: Workspace[AzureTarget], who_asks: pulumi.Output[str]) -> compute.SecurityProfileArgs:
    return compute.SecurityProfileArgs(
        security_type="ConfidentialVM" if home.spec.sandboxed else "TrustedLaunch",
        # A confidential machine encrypts in its own processor instead; Azure refuses both at once.
        encryption_at_host=not home.spec.sandboxed,
        uefi_settings=compute.UefiSettingsArgs(secure_boot_enabled=True, v_tpm_enabled=True),
        proxy_agent_settings=compute.ProxyAgentSettingsArgs(
            enabled=True,
            imds=compute.HostEndpointSettingsArgs(in_vm_access_control_profile_reference_id=who_asks),
            wire_server=compute.HostEndpointSettingsArgs(mode="Enforce"),
        ),
    )


def _metadata(home: Workspace[AzureTarget], place: Place, inside: Network) -> pulumi.Output[str]:
    """Register who may ask the metadata service ("Metadata Security Protocol"): root, for its identity's tokens."""
    scope, region = home.spec.scope, home.target.region
    store = compute.Gallery(
        scope,
        resource_group_name=inside.group,
        gallery_name=gallery(place.site, place.project),
        location=region,
        opts=home.child(),
    )
    profile = compute.GalleryInVMAccessControlProfile(
        scope,
        resource_group_name=inside.group,
        gallery_name=store.name,
        in_vm_access_control_profile_name="metadata",
        location=region,
        properties=compute.GalleryInVMAccessControlProfilePropertiesArgs(
            applicable_host_endpoint=compute.EndpointTypes.IMDS, os_type=compute.OperatingSystemTypes.LINUX
        ),
        opts=home.child(),
    )
    version = compute.GalleryInVMAccessControlProfileVersion(
        scope,
        resource_group_name=inside.group,
        gallery_name=store.name,
        in_vm_access_control_profile_name=profile.name,
        in_vm_access_control_profile_version_name="1.0.0",
        location=region,
        mode="Enforce",
        default_access="Deny",
        rules=_root_alone(),
        target_locations=[compute.TargetRegionArgs(name=region)],
        opts=home.child(),
    )
    return version.id


def _root_alone() -> compute.AccessControlRulesArgs:
    return compute.AccessControlRulesArgs(
        privileges=[compute.AccessControlRulesPrivilegeArgs(name="tokens", path="/metadata/identity")],
        roles=[compute.AccessControlRulesRoleArgs(name="mounting", privileges=["tokens"])],
        identities=[compute.AccessControlRulesIdentityArgs(name="root", user_name="root")],
        role_assignments=[compute.AccessControlRulesRoleAssignmentArgs(role="mounting", identities=["root"])],
    )
