using HvSdk.Devices;

namespace HvSdk.Devices.Emulated.Tests.Pci;

/// <summary>A bridge's state, taken out and put into another.</summary>
public sealed class PciStateTests
{
    [Fact]
    public void State_OfABusInUse_GoesOnInAnother()
    {
        IPciMessages? messages = null;
        List<ulong?> moves = [];
        using var rig = Create(ref messages, []);
        IPciMessages first = messages!;
        using var other = Create(ref messages, moves);
        ulong place = rig.Read(1, PciRig.Bar0) + 0x10_0000;
        ulong table = rig.Read(1, 0x14);
        rig.Write(1, PciRig.Bar0, place);
        rig.Write(1, PciRig.Command, PciRig.MemorySpace | PciRig.BusMaster, 2);
        rig.Write(1, 0x42, 0x8000, 2);
        rig.WriteMemory(table + 16, 0xFEE0_3000, 8);
        rig.WriteMemory(table + 24, 0x77);
        first.Signal(1);
        rig.Bench.WritePort(0xCF8, 0x8000_0810, 4);

        PciHostBridgeState state = rig.Bridge.SaveState();
        other.Bridge.LoadState(state);

        Assert.Equivalent(state, other.Bridge.SaveState(), strict: true);
        Assert.Equal([place], moves);
        Assert.Equal(0x8000_0810UL, other.Bench.ReadPort(0xCF8, 4));
        Assert.True(messages!.IsPending(1));
        other.WriteMemory(table + 28, 0);
        Assert.Equal([new MsiMessage(0xFEE0_3000, 0x77)], other.Messages);
    }

    [Fact]
    public void LoadState_OfAnything_SetsWhatAGuestCouldAlone()
    {
        IPciMessages? messages = null;
        using var rig = Create(ref messages, []);
        PciFunctionState wild = new()
        {
            Configuration = [.. Enumerable.Repeat(byte.MaxValue, 256)],
            MessageTable = [.. Enumerable.Repeat(byte.MaxValue, 48)],
            PendingMessages = [ulong.MaxValue],
        };
        PciHostBridgeState state = rig.Bridge.SaveState();

        rig.Bridge.LoadState(state with { ConfigurationAddress = uint.MaxValue, Functions = [state.Functions[0], wild] });

        Assert.Equal(0x5678_1234UL, rig.Read(1, 0));
        Assert.Equal(0x80FF_FFFCUL, rig.Bench.ReadPort(0xCF8, 4));
        Assert.Equal(7UL, rig.Bridge.SaveState().Functions[1].PendingMessages[0]);
        Assert.Empty(rig.Messages);
    }

    [Fact]
    public void LoadState_OfOtherDevices_IsRefusedByField()
    {
        IPciMessages? messages = null;
        using var rig = Create(ref messages, []);
        PciHostBridgeState state = rig.Bridge.SaveState();
        PciFunctionState function = state.Functions[1];

        Refuse(state with { Functions = [function] }, "Functions");
        Refuse(state with { Functions = [state.Functions[0], function with { Configuration = [1] }] }, "Configuration");
        Refuse(state with { Functions = [state.Functions[0], function with { MessageTable = [] }] }, "MessageTable");
        Refuse(state with { Functions = [state.Functions[0], function with { PendingMessages = [1, 2] }] }, "PendingMessages");

        void Refuse(PciHostBridgeState bad, string field) =>
            Assert.Contains(field, Assert.Throws<ArgumentException>(() => rig.Bridge.LoadState(bad)).Message, StringComparison.Ordinal);
    }

    private static PciRig Create(ref IPciMessages? messages, List<ulong?> moves)
    {
        IPciMessages? used = null;
        var rig = new PciRig(slot =>
        {
            slot.AddBar(0, 0x1000, new MemoryRegisters(0x1000));
            slot.OnBarMapped(0, moves.Add);
            used = slot.UseMsiX(3, 1);
        });
        messages = used;
        return rig;
    }
}
