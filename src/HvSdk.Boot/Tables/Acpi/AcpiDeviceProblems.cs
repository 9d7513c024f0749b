using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>Finds what keeps the devices of a platform from being described in ACPI tables.</summary>
internal static class AcpiDeviceProblems
{
    // What the writer makes itself out of the other properties.
    private static readonly string[] s_written = ["_HID", "_CID", "_UID", "_CRS"];

    public static void Find(X64Platform platform, List<string> problems)
    {
        var names = new Dictionary<string, string>();
        if (platform.PciHost is not null)
        {
            names.Add(PciHostDevice.Name, "PCI host bridge");
            names.Add(PciHostDevice.ReservationName, "PCI host bridge");
        }

        var uniqueIds = new Dictionary<(string HardwareId, int UniqueId), string>();
        foreach (DeviceDescription device in platform.Devices)
        {
            if (device.Acpi is not { } identity)
            {
                continue;
            }

            var found = new List<string>();
            FindInIdentity(identity, found);
            FindInObjects(identity, found);
            FindInResources(platform, device, found);
            FindInNotification(platform, device, found);
            if (identity.Name is { } name && !names.TryAdd(name, device.Name))
            {
                found.Add($"{nameof(AcpiIdentity)}.{nameof(identity.Name)} is {name}, and so is that of device \"{names[name]}\". Give another, or null to have one made.");
            }

            if (identity.UniqueId is { } uniqueId && !uniqueIds.TryAdd((identity.HardwareId, uniqueId), device.Name))
            {
                found.Add(
                    $"{nameof(AcpiIdentity)}.{nameof(identity.UniqueId)} is {uniqueId}, and so is that of device \"{uniqueIds[(identity.HardwareId, uniqueId)]}\" with the same {identity.HardwareId}. Give another, or null to have one made.");
            }

            problems.AddRange(found.Select(problem => $"Device \"{device.Name}\": {problem}"));
        }

        int described = platform.Devices.Count(static device => device.Acpi is not null);
        if (described > AcpiNames.MaxGenerated)
        {
            problems.Add($"{nameof(platform.Devices)} has {described} devices with an ACPI identity. Give at most {AcpiNames.MaxGenerated}.");
        }
    }

    private static void FindInIdentity(AcpiIdentity identity, List<string> found)
    {
        if (!AmlNames.IsPnpId(identity.HardwareId) && !AmlNames.IsAcpiId(identity.HardwareId))
        {
            found.Add(
                $"{nameof(AcpiIdentity)}.{nameof(identity.HardwareId)} is \"{identity.HardwareId}\". Give a PNP ID, three letters A to Z and four hexadecimal digits in capitals, or an ACPI ID, four letters or digits and four hexadecimal digits (ACPI 6.5, 6.1.5).");
        }

        foreach (string id in identity.CompatibleIds)
        {
            if (id.Length is 0 or > 255 || !id.All(static c => c is > ' ' and < '\x7F'))
            {
                found.Add($"{nameof(AcpiIdentity)}.{nameof(identity.CompatibleIds)} has \"{id}\". Give 1 to 255 ASCII characters that can be seen (ACPI 6.5, 6.1.2).");
            }
        }

        if (identity.CompatibleIds.Count > byte.MaxValue)
        {
            found.Add($"{nameof(AcpiIdentity)}.{nameof(identity.CompatibleIds)} has {identity.CompatibleIds.Count} IDs, and a package holds 255. Give fewer.");
        }

        if (identity.Name is { } name && AmlNames.FindProblem(name) is { } problem)
        {
            found.Add($"{nameof(AcpiIdentity)} {problem}");
        }
        else if (identity.Name is { } reserved && reserved.StartsWith('_'))
        {
            found.Add($"{nameof(AcpiIdentity)} has the name {reserved}, and ACPI keeps names that begin with _ for itself (ACPI 6.5, 5.3). Begin with a letter.");
        }

        if (identity.UniqueId < 0)
        {
            found.Add($"{nameof(AcpiIdentity)}.{nameof(identity.UniqueId)} is {identity.UniqueId}. Give 0 or more.");
        }
    }

    private static void FindInObjects(AcpiIdentity identity, List<string> found)
    {
        var names = new HashSet<string>();
        foreach ((string name, AcpiValue value) in identity.Objects)
        {
            const string What = nameof(AcpiIdentity) + "." + nameof(AcpiIdentity.Objects);
            if (AmlNames.FindProblem(name) is { } problem)
            {
                found.Add($"An object of {What} {problem}");
            }
            else if (s_written.Contains(name))
            {
                found.Add($"{What} has {name}, which is made from the device's identity and from what it asked for. Leave it out.");
            }
            else if (!names.Add(name))
            {
                found.Add($"{What} has {name} more than once. Give each name once.");
            }
            else
            {
                // The writer knows which values can be written.
                try
                {
                    new AmlWriter().Value(value);
                }
                catch (ArgumentException exception)
                {
                    found.Add($"{What}, {name}: {exception.Message}");
                }
            }
        }
    }

    private static void FindInResources(X64Platform platform, DeviceDescription device, List<string> found)
    {
        foreach (DeviceWindow window in device.Windows)
        {
            ulong limit = window.Space == BusSpace.Ports ? 0xFFFF : ulong.MaxValue;
            if (window.Size == 0 || window.Address > limit || window.Size - 1 > limit - window.Address)
            {
                found.Add($"{nameof(device.Windows)} has {window}, which is empty or goes beyond 0x{limit:X}. Give a window within.");
            }
            else if (window is { Space: BusSpace.Ports, Size: 0x1_0000 })
            {
                found.Add($"{nameof(device.Windows)} has all 65,536 ports, and a resource of 16 bits cannot say so (ACPI 6.5, 6.4.3.5.3). Give two windows.");
            }
        }

        foreach (DeviceLine line in device.Lines)
        {
            if (line.Number < 0)
            {
                found.Add($"{nameof(device.Lines)} has line {line.Number}. Give 0 or more.");
            }
            else if (platform.IoApic is null && line.Number > 15)
            {
                found.Add($"{nameof(device.Lines)} has line {line.Number}, and without an I/O APIC there are 0 to 15. Give one of these, or {nameof(platform.IoApic)}.");
            }
        }
    }

    private static void FindInNotification(X64Platform platform, DeviceDescription device, List<string> found)
    {
        if (device.NotificationEvent is not { } number)
        {
            return;
        }

        // Half of the block is status, half is enable, eight events a port.
        int events = platform.PowerManagement is { GeneralPurposeEventPort: not null } block ? block.GeneralPurposeEventLength * 4 : 0;
        if (number < 0 || number >= events)
        {
            found.Add(
                $"{nameof(device.NotificationEvent)} is {number}, and the machine has {events} general-purpose events. Give a lower number, or a greater {nameof(X64PowerManagementDescription.GeneralPurposeEventLength)}.");
        }
    }
}
