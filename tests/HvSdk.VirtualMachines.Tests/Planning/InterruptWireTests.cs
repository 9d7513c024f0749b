using HvSdk.Testing;

namespace HvSdk.VirtualMachines.Tests.Planning;

public sealed class InterruptWireTests
{
    [Fact]
    public void Set_BeforeItIsConnected_TakesEffectThen()
    {
        var wire = new InterruptWire();
        var target = new RecordingLine();
        wire.AddSource().Set(true);

        wire.Connect(target);

        Assert.True(target.IsAsserted);
    }

    [Fact]
    public void Set_ByTwoDevices_IsAssertedWhileEitherAsserts()
    {
        var wire = new InterruptWire();
        var target = new RecordingLine();
        wire.Connect(target);
        IInterruptLine one = wire.AddSource();
        IInterruptLine two = wire.AddSource();

        one.Set(true);
        two.Set(true);
        one.Set(false);
        Assert.True(target.IsAsserted);
        two.Set(false);

        Assert.False(target.IsAsserted);
        Assert.Equal(1, target.Edges);
    }

    [Fact]
    public void Set_SameLevelAgain_ChangesNothing()
    {
        var wire = new InterruptWire();
        var target = new RecordingLine();
        wire.Connect(target);
        IInterruptLine source = wire.AddSource();

        source.Set(true);
        source.Set(true);
        source.Set(false);

        Assert.False(target.IsAsserted);
        Assert.Equal(1, target.Edges);
    }

    [Fact]
    public void Set_AfterDisconnect_ReachesNobody()
    {
        var wire = new InterruptWire();
        var target = new RecordingLine();
        wire.Connect(target);
        IInterruptLine source = wire.AddSource();

        wire.Disconnect();
        source.Set(true);

        Assert.Equal(0, target.Edges);
    }
}
