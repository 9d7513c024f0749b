using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>Initialization, requests and acknowledgement of the 8259A pair (Intel 8259A data sheet, 231468).</summary>
public sealed class InterruptControllerPairTests
{
    [Fact]
    public void Attach_OnBench_TakesTheStandardPorts()
    {
        var bench = new DeviceBench();

        bench.Attach(new InterruptControllerPair());

        Assert.Equal(
            [new(BusSpace.Ports, 0x20, 2), new(BusSpace.Ports, 0xA0, 2), new DeviceWindow(BusSpace.Ports, 0x4D0, 2)],
            bench.Description.Windows);
        Assert.Equal("PNP0000", bench.Acpi?.HardwareId);
    }

    [Fact]
    public void Inputs_BeforeInitialization_AreMasked()
    {
        var pic = new InterruptControllerPair();

        pic.GetInput(0).Set(true);
        pic.GetInput(8).Set(true);

        Assert.False(pic.HasInterrupt);
    }

    [Fact]
    public void Icw2_OfBothChips_GivesVectors()
    {
        var bench = new PicBench();

        bench.Raise(3);
        Assert.Equal(PicBench.MasterVector + 3, bench.Pic.Acknowledge());
        bench.Write(PicBench.Master, 0x20);
        bench.Raise(12);
        Assert.Equal(PicBench.SlaveVector + 4, bench.Pic.Acknowledge());
    }

    [Fact]
    public void Icw1_OfRunningChip_ClearsMaskServiceAndEdges()
    {
        var bench = new PicBench();
        bench.Raise(3);
        bench.Pic.Acknowledge();
        bench.Raise(4);
        bench.Mask(PicBench.Master, 0xFF);

        bench.Initialize(PicBench.Master, 0x11, 0x40, 0x04, 0x01);

        Assert.Equal(0, bench.Read(PicBench.Master + 1));
        Assert.Equal(0, bench.InService(PicBench.Master));
        Assert.Equal(0, bench.Requests(PicBench.Master)); // input 4 must rise again
        Assert.False(bench.Pic.HasInterrupt);
    }

    [Fact]
    public void Icw1_UntilTheLastWord_HoldsInterruptsBack()
    {
        var bench = new PicBench();

        bench.Write(PicBench.Master, 0x11);
        bench.Raise(1);
        bench.Write(PicBench.Master + 1, 0x20);
        bench.Write(PicBench.Master + 1, 0x04);
        Assert.False(bench.Pic.HasInterrupt);
        bench.Write(PicBench.Master + 1, 0x01);

        Assert.True(bench.Pic.HasInterrupt);
    }

    [Fact]
    public void Icw1_SingleWithoutIcw4_IsFollowedByOneWord()
    {
        var bench = new PicBench();

        bench.Write(PicBench.Master, 0x12);
        bench.Write(PicBench.Master + 1, 0x60);
        bench.Write(PicBench.Master + 1, 0xFE); // OCW1 already

        Assert.Equal(0xFE, bench.Read(PicBench.Master + 1));
        bench.Raise(0);
        Assert.Equal(0x60, bench.Pic.Acknowledge());
    }

    [Fact]
    public void Ocw1_MasksInput_AndKeepsItsRequest()
    {
        var bench = new PicBench();
        bench.Mask(PicBench.Master, 0x08);

        bench.Raise(3);
        Assert.False(bench.Pic.HasInterrupt);
        Assert.Equal(0x08, bench.Requests(PicBench.Master));
        bench.Mask(PicBench.Master, 0);

        Assert.True(bench.Output.IsAsserted);
        Assert.Equal(3, bench.Acknowledge());
    }

    [Fact]
    public void Acknowledge_OfEdge_MovesRequestIntoService()
    {
        var bench = new PicBench();
        bench.Raise(5);

        bench.Pic.Acknowledge();

        Assert.Equal(0, bench.Requests(PicBench.Master));
        Assert.Equal(0x20, bench.InService(PicBench.Master));
        Assert.False(bench.Output.IsAsserted);
    }

    [Fact]
    public void Input_HeldHigh_IsOneEdge()
    {
        var bench = new PicBench();
        bench.Raise(5);
        bench.Pic.Acknowledge();
        bench.Write(PicBench.Master, 0x20);

        bench.Raise(5);
        Assert.False(bench.Pic.HasInterrupt);
        bench.Lower(5);
        bench.Raise(5);

        Assert.True(bench.Pic.HasInterrupt);
    }

    [Fact]
    public void Input_Pulsed_IsKeptUntilAcknowledged()
    {
        var bench = new PicBench();

        bench.Pulse(5);

        Assert.Equal(5, bench.Acknowledge());
    }

    [Fact]
    public void Slave_InService_IsSeenInBothChips()
    {
        var bench = new PicBench();
        bench.Raise(14);

        Assert.Equal(14, bench.Acknowledge());

        Assert.Equal(0x04, bench.InService(PicBench.Master));
        Assert.Equal(0x40, bench.InService(PicBench.Slave));
    }

    [Fact]
    public void Slave_SecondRequestAfterEndOfFirst_IsAnEdgeForTheMaster()
    {
        var bench = new PicBench();
        bench.Raise(9);
        bench.Raise(10);
        Assert.Equal(9, bench.Acknowledge());

        bench.Write(PicBench.Slave, 0x20);
        bench.Write(PicBench.Master, 0x20);

        Assert.Equal(10, bench.Acknowledge());
    }

    [Fact]
    public void Input_OfTheCascade_CannotBeSet()
    {
        var bench = new PicBench();

        bench.Raise(2);

        Assert.False(bench.Pic.HasInterrupt);
    }

    [Fact]
    public void EdgeLevel_OfLevelInput_FollowsTheLine()
    {
        var bench = new PicBench();
        bench.Write(0x4D0, 0x20);

        bench.Raise(5);
        Assert.Equal(5, bench.Acknowledge());
        bench.Write(PicBench.Master, 0x20);
        Assert.True(bench.Pic.HasInterrupt, "The line is still asserted.");
        bench.Lower(5);

        Assert.False(bench.Pic.HasInterrupt);
        Assert.Equal(0, bench.Requests(PicBench.Master));
    }

    [Fact]
    public void EdgeLevel_OfTimerKeyboardCascadeClockAndCoprocessor_StaysEdge()
    {
        var bench = new PicBench();

        bench.Write(0x4D0, 0xFF);
        bench.Write(0x4D1, 0xFF);

        Assert.Equal(0xDEF8UL, bench.Bench.ReadPort(0x4D0, 2));
    }

    [Fact]
    public void Icw1_WithLtim_MakesAllInputsLevel()
    {
        var bench = new PicBench(icw1: 0x19);

        bench.Raise(0);
        Assert.True(bench.Pic.HasInterrupt);
        bench.Lower(0);

        Assert.False(bench.Pic.HasInterrupt);
    }

    [Fact]
    public void Acknowledge_AfterLevelHasGone_IsSpuriousIrq7()
    {
        var bench = new PicBench();
        bench.Write(0x4D0, 0x20);
        bench.Raise(5);
        bench.Lower(5);

        Assert.Equal(PicBench.MasterVector + 7, bench.Pic.Acknowledge());

        Assert.Equal(0, bench.InService(PicBench.Master));
    }

    [Fact]
    public void Acknowledge_AfterSlavesLevelHasGone_IsSpuriousIrq15WithTheMasterInService()
    {
        var bench = new PicBench();
        bench.Write(0x4D1, 0x08);
        bench.Raise(11);
        bench.Lower(11);

        Assert.Equal(PicBench.SlaveVector + 7, bench.Pic.Acknowledge());

        Assert.Equal(0x04, bench.InService(PicBench.Master));
        Assert.Equal(0, bench.InService(PicBench.Slave));
    }

    [Fact]
    public void Output_OfSeveralRequests_IsSetWhenItChanges()
    {
        var bench = new PicBench();

        bench.Raise(3);
        bench.Raise(1);
        bench.Raise(14);
        Assert.Equal(1, bench.Output.Edges);
        bench.Acknowledge();

        Assert.False(bench.Output.IsAsserted);
    }

    [Fact]
    public void Port_OfTwoBytes_IsTwoRegisters()
    {
        var bench = new PicBench();

        bench.Bench.WritePort(PicBench.Master, 0xFB0A, 2);
        bench.Raise(0);

        Assert.Equal(0xFB01UL, bench.Bench.ReadPort(PicBench.Master, 2));
    }

    [Fact]
    public void GetInput_BeyondTheLast_IsRefused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new InterruptControllerPair().GetInput(16));
}
