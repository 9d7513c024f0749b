using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Backends.Kvm.Arm64;

public sealed class InterruptTests
{
    private const int FirstShared = 32;
    private const int VirtualTimer = 27; // its PPI, as KVM wires it

    private static readonly Arm64MsiFrame s_frame = new(0x802_0000, 3, 4);

    /// <summary>Whether the vCPU waits already or is still on its way makes no difference: an input stays.</summary>
    [Fact]
    public void Input_Asserted_EntersTheVectorUntilItIsReleased()
    {
        using Machine machine = new(static guest => GicGuest.Write(guest, hasGic: false, static _ => { }));
        using Vcpu vcpu = machine.CreateVcpu();
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, true);
        Assert.Equal(2UL, vcpu.NextValue());
        Assert.Equal(2UL, vcpu.NextValue());
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, false);
        using Timer cancel = new(_ => vcpu.Cancel(), null, 200, Timeout.Infinite);
        Assert.Equal("Canceled", vcpu.Run(TestContext.Current.CancellationToken).ToString());
    }

    [Fact]
    public void Timer_OwnInterrupts_LeavesOnceUntilUnmasked()
    {
        using Machine machine = new(static guest => GicGuest.Write(guest, hasGic: false, GicGuest.StartTimer));
        using Vcpu vcpu = machine.CreateVcpu();
        Assert.Equal("Timer", vcpu.Next().ToString());
        Assert.True(vcpu.Arm64.IsVirtualTimerMasked);
        Assert.Equal(TimeSpan.Zero, vcpu.Arm64.GetVirtualTimerDelay());
        vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, true);
        Assert.Equal(2UL, vcpu.NextValue());

        // It is asserted still, so whoever lets it through hears of it at once.
        vcpu.Arm64.IsVirtualTimerMasked = false;
        Assert.Equal("Timer", vcpu.Next().ToString());
        Assert.Equal(2UL, vcpu.NextValue());
    }

    [Fact]
    public void Timer_HostsGic_RaisesItsPrivateInterrupt()
    {
        using Machine machine = Full(static guest =>
        {
            GicGuest.EnablePrivate(guest, VirtualTimer);
            GicGuest.StartTimer(guest);
        });
        using Vcpu vcpu = machine.CreateVcpu();
        Assert.Equal((ulong)VirtualTimer, vcpu.NextValue());
    }

    [Fact]
    public void PrivateInterrupt_Set_ReachesItsVcpu()
    {
        using Machine machine = Full(static guest => GicGuest.EnablePrivate(guest, 22));
        using Vcpu vcpu = machine.CreateVcpu();
        vcpu.Arm64.SetPrivateInterrupt(22, true);
        Assert.Equal(22UL, vcpu.NextValue());
    }

    [Fact]
    public void Line_HostsGic_ReachesTheGuest()
    {
        using Machine machine = Full(static guest => GicGuest.EnableSpi3(guest, isEdge: false));
        using Vcpu vcpu = machine.CreateVcpu();
        machine.Partition.Interrupts.GetLine(3).Set(true);
        Assert.Equal(FirstShared + 3UL, vcpu.NextValue());
    }

    [Fact]
    public void Message_ToTheFrame_RaisesItsLine()
    {
        using Machine machine = Full(static guest => GicGuest.EnableSpi3(guest, isEdge: true));
        using Vcpu vcpu = machine.CreateVcpu();
        Assert.True(machine.Partition.Interrupts.Send(s_frame.GetMessage(3)));
        Assert.False(machine.Partition.Interrupts.Send(new MsiMessage(0x1234, FirstShared + 3)));
        Assert.Equal(FirstShared + 3UL, vcpu.NextValue());
    }

    /// <summary>The guest reads the frame's MSI_TYPER, and writes to it as a device would.</summary>
    [Fact]
    public void Frame_GuestsAccesses_AreAnsweredAndRaiseTheLine()
    {
        using Machine machine = Full(static guest =>
        {
            GicGuest.EnableSpi3(guest, isEdge: true);
            guest.Mov(5, s_frame.Address);
            guest.Ldr(10, 5, 4, 8);
            Machine.Tell(guest, 10);
            guest.Mov(6, FirstShared + 3);
            guest.Str(6, 5, 4, 0x40);
        });
        using Vcpu vcpu = machine.CreateVcpu();
        Assert.Equal(((FirstShared + 3UL) << 16) | 4, vcpu.NextValue());
        Assert.Equal(FirstShared + 3UL, vcpu.NextValue());
    }

    [Fact]
    public void Trigger_OfALineAndOfAMessage_GoStraightToTheGic()
    {
        using Machine machine = Full(static guest => GicGuest.EnableSpi3(guest, isEdge: true));
        using InterruptTrigger line = machine.Partition.Interrupts.CreateTrigger(machine.Partition.Interrupts.GetLine(3));
        using InterruptTrigger message = machine.Partition.Interrupts.CreateTrigger(s_frame.GetMessage(4));
        using Vcpu vcpu = machine.CreateVcpu();
        line.Signal();
        Assert.Equal(FirstShared + 3UL, vcpu.NextValue());
        message.Update(s_frame.GetMessage(3));
        message.Signal();
        Assert.Equal(FirstShared + 3UL, vcpu.NextValue());
    }

    [Fact]
    public void Trigger_OfALevel_IsAcknowledgedWhenTheGuestEndsTheInterrupt()
    {
        using Machine machine = Full(static guest => GicGuest.EnableSpi3(guest, isEdge: false));
        using InterruptTrigger trigger = machine.Partition.Interrupts.CreateTrigger(machine.Partition.Interrupts.GetLine(3), levelTriggered: true);
        using Vcpu vcpu = machine.CreateVcpu();
        trigger.Signal();
        Assert.Equal(FirstShared + 3UL, vcpu.NextValue());
        Assert.False(trigger.WaitForAcknowledge(TimeSpan.Zero));

        // Behind its store the guest ends the interrupt and waits again.
        Task<bool> acknowledged = Task.Run(() =>
        {
            bool result = trigger.WaitForAcknowledge(Limit.Value);
            vcpu.Cancel();
            return result;
        });
        Assert.Equal("Canceled", vcpu.Run(TestContext.Current.CancellationToken).ToString());
        Assert.True(Limit.Await(acknowledged, "the acknowledgement"));
    }

    /// <summary>A line that is up, and an interrupt enabled, are where they were in another partition.</summary>
    [Fact]
    public void State_OfTheGic_GoesOnInAnotherPartition()
    {
        PartitionState partition;
        Arm64VcpuState state;
        using (Machine first = Full(static guest => Prepare(guest)))
        {
            using Vcpu vcpu = first.CreateVcpu();
            Assert.Equal(7UL, vcpu.NextValue());
            first.Partition.Interrupts.GetLine(3).Set(true);
            state = vcpu.Arm64.SaveState();
            partition = first.Partition.SaveState();
        }

        using Machine second = Full(static guest => Prepare(guest));
        using Vcpu copy = second.CreateVcpu();
        second.Partition.LoadState(partition);
        copy.Arm64.LoadState(state);
        Assert.Equal(FirstShared + 3UL, copy.NextValue());
        Assert.Equal(FirstShared + 3UL, copy.NextValue());

        static void Prepare(Arm64Assembler guest)
        {
            GicGuest.EnableSpi3(guest, isEdge: false);
            guest.Mov(9, 7);
            Machine.Tell(guest, 9);
        }
    }

    [Fact]
    public void Routes_OtherThanTheLinesOwn_AreRefused()
    {
        using Machine machine = Full(static _ => { });
        machine.Partition.Interrupts.SetRoutes([InterruptRoute.ToInput(3, new InterruptInput(0, 3))]);
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => machine.Partition.Interrupts.SetRoutes([InterruptRoute.ToInput(3, new InterruptInput(0, 4))]));
        Assert.Contains("Line 3 of KVM's GIC is shared peripheral interrupt 3", e.Message, StringComparison.Ordinal);
    }

    private static Machine Full(Action<Arm64Assembler> prepare) => new(guest => GicGuest.Write(guest, hasGic: true, prepare), static options =>
    {
        options.InterruptController = InterruptControllerMode.Full;
        options.Arm64.Gic = new() { MsiFrame = s_frame };
    });
}
