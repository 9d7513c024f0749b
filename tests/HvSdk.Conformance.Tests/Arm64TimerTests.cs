using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Conformance.Tests;

/// <summary>The virtual timer and counter of AArch64.</summary>
[Arm64Only]
public sealed class Arm64TimerTests
{
    /* CNTV_CTL_EL0 (Arm ARM, D19.12.18). */
    private const ulong Enabled = 1;
    private const ulong Masked = 2;

    [Fact]
    public void Timer_Fires_LeavesOnceUntilUnmasked()
    {
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            SetTimer(a, 0);
            a.AskForEver();
        });

        RunToTimer(machine);
        Assert.True(machine.Vcpu.Arm64.IsVirtualTimerMasked);
        Assert.Equal(TimeSpan.Zero, machine.Vcpu.Arm64.GetVirtualTimerDelay());

        // It asserts still, and does not leave again.
        for (int i = 0; i < 5; i++)
        {
            machine.RunOnce(VcpuExitKind.MmioRead);
        }

        machine.Vcpu.Arm64.IsVirtualTimerMasked = false;
        RunToTimer(machine);
    }

    [Fact]
    public void Timer_InAnHour_HasThatDelayAndDoesNotLeave()
    {
        using TestMachine machine = Arm64Guest.Create(a =>
        {
            SetTimer(a, (ulong)CounterFrequency() * 3600);
            a.AskForEver();
        });

        machine.RunOnce(VcpuExitKind.MmioRead);

        Assert.InRange(machine.Vcpu.Arm64.GetVirtualTimerDelay(), TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));
        machine.RunOnce(VcpuExitKind.MmioRead);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Enabled | Masked)]
    public void Timer_OffOrMaskedByTheGuest_HasNoDelay(ulong control)
    {
        using TestMachine machine = Arm64Guest.Create(a =>
        {
            SetTimer(a, 0, control);
            a.AskForEver();
        });

        machine.RunOnce(VcpuExitKind.MmioRead);

        Assert.Equal(Timeout.InfiniteTimeSpan, machine.Vcpu.Arm64.GetVirtualTimerDelay());
        machine.RunOnce(VcpuExitKind.MmioRead);
    }

    [Fact]
    public void Timer_AfterHalt_IsWaitedForByTheCaller()
    {
        // Sets the timer to an hour from now, and waits.
        ulong hour = (ulong)CounterFrequency() * 3600;
        using TestMachine machine = Arm64Guest.Create(a =>
        {
            SetTimer(a, hour);
            a.Wfi();
            a.Tell(2);
        });
        Divergences.Check("wfi-exit", () =>
        {
            machine.RunOnce(VcpuExitKind.Halt, Divergences.LimitOf("wfi-exit"));
            Assert.NotEqual(TimeSpan.Zero, machine.Vcpu.Arm64.GetVirtualTimerDelay());

            // The hour passes.
            machine.Vcpu.Arm64.VirtualCounterOffset -= hour;

            Assert.Equal(TimeSpan.Zero, machine.Vcpu.Arm64.GetVirtualTimerDelay());
            VcpuExit exit = machine.RunOnce();
            exit = exit.Kind == VcpuExitKind.Timer ? machine.RunOnce() : exit;
            Assert.Equal((VcpuExitKind.MmioWrite, Arm64Program.HostPlace), (exit.Kind, exit.Address));
        });
    }

    [Fact]
    public void Timer_WithTheHostsGic_IsItsPrivateInterrupt()
    {
        using var machine = new Arm64InterruptMachine(static a =>
        {
            a.EnablePrivate(Arm64GicCode.VirtualTimer);
            SetTimer(a, 0);
        });

        Assert.Equal(Arm64GicCode.VirtualTimer, machine.NextInterrupt());
        Assert.Equal(Arm64GicCode.VirtualTimer, machine.NextInterrupt());
        Assert.Equal(0, machine.Machine.Vcpu.Statistics.ExitsOf(VcpuExitKind.Timer));
    }

    [Fact]
    public void Counter_MovedByItsOffset_IsSeenByTheGuest()
    {
        // Tells the counter, for ever.
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            Arm64Label loop = new();
            a.Mark(loop);
            a.Isb();
            a.Mrs(2, Arm64SystemRegister.CntvctEl0);
            a.Tell(2);
            a.B(loop);
        });
        ulong day = (ulong)CounterFrequency() * 86_400;
        ulong before = machine.NextTold();

        machine.Vcpu.Arm64.VirtualCounterOffset -= day;
        ulong after = machine.NextTold();
        machine.Vcpu.Arm64.VirtualCounterOffset += day;
        ulong again = machine.NextTold();

        Assert.InRange(after - before, day, day + (day / 2));
        Assert.InRange(again - before, 0UL, day / 2);
    }

    [Fact]
    public void CounterFrequency_OfTheHost_IsThatOfTheGuest()
    {
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.Mrs(2, Arm64SystemRegister.CntfrqEl0);
            a.Tell(2);
        });

        Assert.Equal((ulong)machine.Hypervisor.Arm64.CounterFrequency, machine.NextTold());
    }

    internal static long CounterFrequency()
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        return hypervisor.Arm64.CounterFrequency;
    }

    /// <summary>Sets the timer to some ticks from now. It uses X2 and X3.</summary>
    internal static void SetTimer(Arm64Assembler a, ulong ticks, ulong control = Enabled)
    {
        a.Mrs(2, Arm64SystemRegister.CntvctEl0);
        a.Mov(3, ticks);
        a.AddRegister(2, 2, 3);
        a.Msr(Arm64SystemRegister.CntvCvalEl0, 2);
        a.Mov(3, control);
        a.Msr(Arm64SystemRegister.CntvCtlEl0, 3);
        a.Isb();
    }

    /// <summary>A few exits of the guest's loop may come before the timer's.</summary>
    private static void RunToTimer(TestMachine machine)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (machine.RunOnce() is var exit && exit.Kind != VcpuExitKind.Timer)
        {
            Assert.Equal(VcpuExitKind.MmioRead, exit.Kind);
            if (System.Diagnostics.Stopwatch.GetElapsedTime(start) > Limit.Value)
            {
                throw Limit.Exceeded("the timer's exit");
            }
        }
    }
}
