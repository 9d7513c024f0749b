using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Message-signalled interrupts.</summary>
[X64Only("The messages are the APIC's; Arm64GicTests has those of the GIC.")]
public sealed class MsiTests
{
    [Theory]
    [InlineData(InterruptControllerMode.Full)]
    [InlineData(InterruptControllerMode.PerVcpu)]
    public void Send_ToRunningVcpu_InterruptsIt(InterruptControllerMode mode)
    {
        using var machine = new InterruptMachine(mode, [0x40]);
        machine.RunToLoop();

        Assert.True(machine.Interrupts.Send(MsiMessage.ForX64(0x40)));

        Assert.Equal(0x40, machine.NextVector());
        machine.AssertNoInterrupt();
    }

    [Theory]
    [InlineData(InterruptControllerMode.Full)]
    [InlineData(InterruptControllerMode.PerVcpu)]
    public void Send_ToNobody_ReturnsFalse(InterruptControllerMode mode)
    {
        using var machine = new InterruptMachine(mode, [0x40]);
        machine.RunToLoop();

        Assert.False(machine.Interrupts.Send(MsiMessage.ForX64(0x40, apicId: 9)));

        machine.AssertNoInterrupt();
    }

    [Fact]
    public void Send_TwoVectors_HigherOneComesFirst()
    {
        using var machine = new InterruptMachine(InterruptControllerMode.PerVcpu, [0x40, 0x80]);
        machine.RunToLoop();

        machine.Interrupts.Send(MsiMessage.ForX64(0x40));
        machine.Interrupts.Send(MsiMessage.ForX64(0x80));

        Assert.Equal(0x80, machine.NextVector());
        Assert.Equal(0x40, machine.NextVector());
    }

    [Fact]
    public void Route_LevelMessageWithCallersIoApic_EndOfInterruptLeaves()
    {
        // The data of a level-triggered assertion: bits 15 and 14 (Intel SDM vol. 3A, 11.11.2).
        const uint level = 0xC000;
        using var machine = new InterruptMachine(InterruptControllerMode.PerVcpu, [0x40]);
        machine.RunToLoop();
        machine.Interrupts.SetRoutes([InterruptRoute.ToMessage(5, MsiMessage.ForX64(0x40) with { Data = level | 0x40 })]);

        for (int i = 0; i < 2; i++)
        {
            machine.Interrupts.GetLine(5).Pulse();
            Assert.Equal(0x40, machine.NextVector());

            VcpuExit exit = machine.Machine.RunOnce(VcpuExitKind.EndOfInterrupt);
            Assert.Equal(0x40, exit.Vector);
            machine.AssertNoInterrupt();
        }
    }

    [Fact]
    public void Controller_OfModeNone_RefusesInWords()
    {
        using var machine = new InterruptMachine(InterruptControllerMode.None, []);

        foreach (Action use in (Action[])
            [
                () => machine.Interrupts.GetLine(0),
                () => machine.Interrupts.Send(MsiMessage.ForX64(0x40)),
                () => machine.Interrupts.CreateTrigger(MsiMessage.ForX64(0x40)),
                () => machine.Interrupts.SetRoutes([]),
            ])
        {
            var exception = Assert.Throws<InvalidOperationException>(use);
            Assert.Contains($"{nameof(PartitionOptions)}.{nameof(PartitionOptions.InterruptController)}", exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void GetLine_BeyondTheLast_IsRefusedInWords()
    {
        using var machine = new InterruptMachine(InterruptControllerMode.Full, []);
        int count = machine.Machine.Partition.Capabilities.InterruptLineCount;

        Assert.Equal(count - 1, machine.Interrupts.GetLine(count - 1).Number);
        var exception = Assert.Throws<ArgumentOutOfRangeException>(() => machine.Interrupts.GetLine(count));

        Assert.Contains($"{count}", exception.Message, StringComparison.Ordinal);
    }
}
