using HvSdk.Devices;
using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Pci;

/// <summary>What a device may not ask its slot for, and how it is told.</summary>
public sealed class PciRequestTests
{
    public static TheoryData<string, string> Mistakes => new()
    {
        { "size", "Base address register 0 has a window of 0x18 bytes" },
        { "small", "0x8 bytes" },
        { "large", "0x100000000 bytes" },
        { "index", "There are base address registers 0 to 5" },
        { "wide at the end", "one of 64 bits takes two" },
        { "taken", "Base address register 1 is in use: it belongs to the window of 0" },
        { "options", "PciBarOptions" },
        { "vectors", "2049 vectors" },
        { "twice MSI-X", "has its MSI-X already" },
        { "twice pin", "has its interrupt pin already" },
        { "capabilities", "does not fit" },
        { "writable", "what may be written of it 1" },
        { "bar", "There is no window at base address register 3" },
        { "vendor", "0xFFFF" },
        { "class", "0x1000000" },
        { "room", "asks for 0x80000000 bytes" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void Attach_RequestThatCannotBe_NamesDeviceAndReason(string mistake, string reason)
    {
        var bridge = new PciHostBridge();
        bridge.Add(new MistakenDevice(mistake), "sounder");

        InvalidOperationException refusal = Assert.Throws<InvalidOperationException>(() => new DeviceBench().Attach(bridge));

        Assert.Contains("sounder: ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Attach_DeviceThatDoesNotSayWhatItIs_IsRefused()
    {
        var bridge = new PciHostBridge();
        bridge.Add(new MistakenDevice("silent"));

        Assert.Contains("Identify", Assert.Throws<InvalidOperationException>(() => new DeviceBench().Attach(bridge)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Attach_SeveralMistakes_TellsOfAll()
    {
        var bridge = new PciHostBridge { EcamAddress = 0x1234, LowWindow = default };
        bridge.Add(new MistakenDevice("size"), "first");
        bridge.Add(new MistakenDevice("vectors"), "second");

        string message = Assert.Throws<InvalidOperationException>(() => new DeviceBench().Attach(bridge)).Message;

        Assert.All((string[])["EcamAddress", "LowWindow", "first", "second"], part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Fact]
    public void Add_MoreDevicesThanSlots_IsRefused()
    {
        var bridge = new PciHostBridge();
        for (int i = 1; i <= PciHostBridge.SlotCount; i++)
        {
            Assert.Equal(i, bridge.Add(new MistakenDevice("")));
        }

        Assert.Throws<InvalidOperationException>(() => bridge.Add(new MistakenDevice("")));
    }

    [Fact]
    public void Request_AfterAttach_IsRefused()
    {
        IPciSlot? slot = null;
        using var rig = new PciRig(s => slot = s);

        Assert.Throws<InvalidOperationException>(() => slot!.UseMsiX(1, 0));
        Assert.Throws<InvalidOperationException>(() => slot!.ConnectInterruptPin());
        Assert.Throws<InvalidOperationException>(() => slot!.OnEnded(static () => { }));
    }

    [Fact]
    public void Lifetime_OfAMachine_IsHeardByTheDevice()
    {
        List<string> heard = [];
        Partition? partition = null;
        var rig = new PciRig(slot =>
        {
            slot.AddBar(0, 0x1000, new MemoryRegisters(0x1000));
            slot.OnBarMapped(0, address => heard.Add(address is null ? "unmapped" : "mapped"));
            slot.OnConnected(p => partition = p);
            slot.OnEnded(() => heard.Add("ended"));
        });
        Assert.Same(rig.Partition, partition);
        rig.Write(1, PciRig.Command, PciRig.MemorySpace, 2);

        rig.Bench.End();

        Assert.Equal(["mapped", "unmapped", "ended"], heard);
        rig.Partition.Dispose();
    }

    private sealed class MistakenDevice(string mistake) : IPciDevice
    {
        public void Attach(IPciSlot slot)
        {
            if (mistake == "silent")
            {
                return;
            }

            slot.Identify(PciRig.Identity);
            var registers = new MemoryRegisters(16);
            switch (mistake)
            {
                case "size":
                    slot.AddBar(0, 24, registers);
                    break;
                case "small":
                    slot.AddBar(0, 8, registers);
                    break;
                case "large":
                    slot.AddBar(0, 4UL << 30, registers);
                    break;
                case "index":
                    slot.AddBar(6, 16, registers);
                    break;
                case "wide at the end":
                    slot.AddBar(5, 16, registers, PciBarOptions.Wide);
                    break;
                case "taken":
                    slot.AddBar(0, 16, registers, PciBarOptions.Wide);
                    slot.AddBar(1, 16, registers);
                    break;
                case "options":
                    slot.AddBar(0, 16, registers, (PciBarOptions)4);
                    break;
                case "vectors":
                    slot.UseMsiX(2049, 0);
                    break;
                case "twice MSI-X":
                    slot.UseMsiX(1, 0);
                    slot.UseMsiX(1, 1);
                    break;
                case "twice pin":
                    slot.ConnectInterruptPin();
                    slot.ConnectInterruptPin();
                    break;
                case "capabilities":
                    slot.AddCapability(9, 180, registers);
                    slot.AddCapability(9, 20, registers);
                    break;
                case "writable":
                    slot.AddCapability(9, [1, 2], [3]);
                    break;
                case "bar":
                    slot.OnBarMapped(3, static _ => { });
                    break;
                case "vendor":
                    slot.Identify(PciRig.Identity with { VendorId = 0xFFFF });
                    break;
                case "class":
                    slot.Identify(PciRig.Identity with { ClassCode = 0x100_0000 });
                    break;
                case "room":
                    slot.AddBar(0, 2UL << 30, registers);
                    break;
            }
        }
    }
}
