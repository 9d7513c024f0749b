using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>The namespace of a platform (ACPI 6.5, 5.3 and 5.6): its processors, its devices and their events, soft off.</summary>
internal static class Dsdt
{
    /// <summary>2: integers have 64 bits.</summary>
    public const byte Revision = 2;

    // All of present, enabled, shown, functioning (6.3.7).
    private const ulong Present = 0x0F;

    // "Check the device" for whatever the driver knows it to mean (table 5.148: 0x80 and above are the device's own).
    private const byte DeviceNotification = 0x80;

    /// <summary>Adds the table.</summary>
    /// <returns>Its offset.</returns>
    public static int Add(AcpiTableLayout tables, X64Platform platform)
    {
        DeviceDescription[] devices = [.. platform.Devices.Where(static device => device.Acpi is not null)];
        var names = new AcpiNames([PciHostDevice.Name, PciHostDevice.ReservationName, .. devices.Select(static device => device.Acpi!.Name).OfType<string>()]);
        string[] deviceNames = [.. devices.Select(device => device.Acpi!.Name ?? names.Next('D'))];
        ulong?[] uniqueIds = UniqueIds(devices);

        // Here names are those of the root: the table begins there.
        var aml = new AmlWriter();
        aml.Scope("_SB", scope =>
        {
            foreach (uint id in platform.ApicIds)
            {
                scope.Device(names.Next('C'), processor =>
                {
                    processor.Name("_HID", static value => value.Text("ACPI0007"));
                    processor.Name("_UID", value => value.Integer(id));
                });
            }

            if (platform.PciHost is { } pci)
            {
                PciHostDevice.Add(scope, pci);
            }

            for (int i = 0; i < devices.Length; i++)
            {
                DeviceDescription description = devices[i];
                ulong? uniqueId = uniqueIds[i];
                scope.Device(deviceNames[i], device => AddDevice(device, description, uniqueId));
            }
        });

        AddEvents(aml, devices, deviceNames);
        if (platform.PowerManagement is { } block)
        {
            // SLP_TYP for PM1a and PM1b, two reserved (7.4.2.6). Without the block there is no register to write it to.
            aml.Name("_S5", value => value.Package(4, elements =>
            {
                elements.Integer(block.SoftOffType);
                elements.Integer(block.SoftOffType);
                elements.Integer(0);
                elements.Integer(0);
            }));
        }

        return tables.Add("DSDT", Revision, aml.Written);
    }

    private static void AddDevice(AmlWriter device, DeviceDescription description, ulong? uniqueId)
    {
        AcpiIdentity identity = description.Acpi!;
        device.Name("_HID", value => AddId(value, identity.HardwareId));
        if (identity.CompatibleIds is [string only])
        {
            device.Name("_CID", value => AddId(value, only));
        }
        else if (identity.CompatibleIds.Count > 1)
        {
            device.Name("_CID", value => value.Package(identity.CompatibleIds.Count, elements =>
            {
                foreach (string id in identity.CompatibleIds)
                {
                    AddId(elements, id);
                }
            }));
        }

        if (uniqueId is { } number)
        {
            device.Name("_UID", value => value.Integer(number));
        }

        if (!identity.Objects.Any(static entry => entry.Key == "_STA"))
        {
            device.Name("_STA", static value => value.Integer(Present));
        }

        if (description.Windows.Count + description.Lines.Count > 0)
        {
            device.Name("_CRS", value => value.Buffer(AmlResources.Of(description)));
        }

        foreach ((string name, AcpiValue content) in identity.Objects)
        {
            device.Name(name, value => value.Value(content));
        }
    }

    // The methods of the events (5.6.4.1). Each is an edge: what devices send is a message, not a level.
    private static void AddEvents(AmlWriter aml, DeviceDescription[] devices, string[] names)
    {
        List<int> events = [];
        foreach (DeviceDescription device in devices)
        {
            if (device.NotificationEvent is { } number && !events.Contains(number))
            {
                events.Add(number);
            }
        }

        if (events.Count == 0)
        {
            return;
        }

        events.Sort();
        aml.Scope("_GPE", scope =>
        {
            foreach (int number in events)
            {
                scope.Method($"_E{number:X2}", 0, method =>
                {
                    for (int i = 0; i < devices.Length; i++)
                    {
                        if (devices[i].NotificationEvent == number)
                        {
                            method.Notify(@"\_SB." + names[i], DeviceNotification);
                        }
                    }
                });
            }
        });
    }

    private static void AddId(AmlWriter value, string id)
    {
        if (AmlNames.IsPnpId(id))
        {
            value.DWord(AmlNames.EisaId(id));
        }
        else
        {
            value.Text(id);
        }
    }

    // Devices with the same hardware ID must have different unique IDs (6.1.12): the lowest free number for each that has none.
    private static ulong?[] UniqueIds(DeviceDescription[] devices)
    {
        var alike = new Dictionary<string, Namesakes>();
        foreach (DeviceDescription device in devices)
        {
            if (!alike.TryGetValue(device.Acpi!.HardwareId, out Namesakes? namesakes))
            {
                alike.Add(device.Acpi.HardwareId, namesakes = new Namesakes());
            }

            namesakes.Count++;
            if (device.Acpi.UniqueId is { } given)
            {
                namesakes.Taken.Add(given);
            }
        }

        ulong?[] ids = new ulong?[devices.Length];
        for (int i = 0; i < devices.Length; i++)
        {
            AcpiIdentity identity = devices[i].Acpi!;
            ids[i] = identity.UniqueId is { } given ? (ulong)given : alike[identity.HardwareId] is { Count: > 1 } several ? (ulong)several.TakeNext() : null;
        }

        return ids;
    }

    /// <summary>The devices of one hardware ID.</summary>
    private sealed class Namesakes
    {
        private int _next;

        public int Count { get; set; }

        public HashSet<int> Taken { get; } = [];

        public int TakeNext()
        {
            while (!Taken.Add(_next))
            {
                _next++;
            }

            return _next;
        }
    }
}
