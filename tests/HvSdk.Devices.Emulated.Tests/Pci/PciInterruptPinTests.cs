using HvSdk.Devices;

namespace HvSdk.Devices.Emulated.Tests.Pci;

/// <summary>The interrupt pin, its line, and the bits that hold it back (PCI 3.0, 2.2.6, 6.2.2 to 6.2.4, 6.8.3.3).</summary>
public sealed class PciInterruptPinTests
{
    private const ulong InterruptStatus = 1 << 3;

    [Fact]
    public void Pin_Asserted_ReachesTheLineAndTheStatusBit()
    {
        IInterruptLine? pin = null;
        using var rig = new PciRig(slot => pin = slot.ConnectInterruptPin());
        PciInterruptRoute route = Assert.Single(rig.Bridge.InterruptRoutes);
        Assert.Equal((1, 0), (route.Device, route.Pin));
        Assert.Equal((ulong)(0x100 | route.Line), rig.Read(1, 0x3C)); // INTA#, and where it leads

        pin!.Set(true);
        Assert.True(rig.Bench.Line(route.Line).IsAsserted);
        Assert.Equal(InterruptStatus, rig.Read(1, 0x06, 2) & InterruptStatus);
        Assert.Equal(InterruptStatus << 16, rig.Read(1, PciRig.Command));

        pin.Set(false);
        Assert.False(rig.Bench.Line(route.Line).IsAsserted);
        Assert.Equal(0UL, rig.Read(1, 0x06, 2));
    }

    [Fact]
    public void Pin_InterruptDisabled_ReachesTheStatusBitAlone()
    {
        IInterruptLine? pin = null;
        using var rig = new PciRig(slot => pin = slot.ConnectInterruptPin());
        int line = rig.Bridge.InterruptRoutes[0].Line;
        rig.Write(1, PciRig.Command, PciRig.InterruptDisable, 2);

        pin!.Set(true);
        Assert.False(rig.Bench.Line(line).IsAsserted);
        Assert.Equal(InterruptStatus, rig.Read(1, 0x06, 2));

        rig.Write(1, PciRig.Command, 0, 2);
        Assert.True(rig.Bench.Line(line).IsAsserted);
    }

    [Fact]
    public void Pin_MsiXEnabled_IsNotUsed()
    {
        IInterruptLine? pin = null;
        using var rig = new PciRig(slot =>
        {
            pin = slot.ConnectInterruptPin();
            slot.UseMsiX(1, 0);
        });
        int line = rig.Bridge.InterruptRoutes[0].Line;
        int control = (int)rig.Read(1, PciRig.CapabilitiesPointer, 1) + 2;
        pin!.Set(true);
        Assert.True(rig.Bench.Line(line).IsAsserted);

        rig.Write(1, control, 1 << 15, 2);
        Assert.False(rig.Bench.Line(line).IsAsserted);

        rig.Write(1, control, 0, 2);
        Assert.True(rig.Bench.Line(line).IsAsserted);
    }

    [Fact]
    public void Pins_OfManyDevices_ShareFourLines()
    {
        Action<IPciSlot>[] devices = [.. Enumerable.Range(0, 31).Select(static _ => (Action<IPciSlot>)(static slot => slot.ConnectInterruptPin()))];
        using var rig = new PciRig(devices);

        Assert.Equal(31, rig.Bridge.InterruptRoutes.Count);
        Assert.Equal(4, rig.Bridge.InterruptRoutes.Select(static route => route.Line).Distinct().Count());
        Assert.All(rig.Bridge.InterruptRoutes, route => Assert.Equal(rig.Bridge.InterruptRoutes[(route.Device - 1) % 4].Line, route.Line));
        Assert.All(rig.Bench.Description.Lines, static line => Assert.Equal(InterruptSense.Level, line.Sense));
    }

    [Fact]
    public void LineRegister_WrittenByTheGuest_IsItsOwn()
    {
        using var rig = new PciRig(static slot => slot.ConnectInterruptPin());

        rig.Write(1, 0x3C, 0xFFFF, 2);

        Assert.Equal(0x1FFUL, rig.Read(1, 0x3C, 2));
    }
}
