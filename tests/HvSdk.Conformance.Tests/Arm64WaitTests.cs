using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Conformance.Tests;

/// <summary>A guest of AArch64 that waits: WFI and WFE, with the caller's interrupt controller and with the host's.</summary>
[Arm64Only]
public sealed class Arm64WaitTests
{
    private const int Line = 3;

    [Fact]
    public void Wfi_WithoutTheHostsGic_LeavesAndGoesOnBehind()
    {
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.Wfi();
            a.Wfi();
        });

        Divergences.Check("wfi-exit", () =>
        {
            TimeSpan limit = Divergences.LimitOf("wfi-exit");
            machine.RunOnce(VcpuExitKind.Halt, limit);
            Assert.Equal(Arm64Program.DefaultLoadAddress + 4, machine.ProgramCounter());
            machine.RunOnce(VcpuExitKind.Halt, limit);
            Assert.Equal(Arm64Program.DefaultLoadAddress + 8, machine.ProgramCounter());
        });
    }

    [Fact]
    public void Wfe_Executed_IsNoExitOfItsOwn()
    {
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.WaitForEvent();
            a.Tell(0);
        });

        machine.NextTold();

        Assert.Equal(0, machine.Vcpu.Statistics.ExitsOf(VcpuExitKind.Halt));
    }

    [Fact]
    public void Wfi_WithTheHostsGic_SleepsUntilInterrupt()
    {
        using Arm64InterruptMachine machine = CreateSleeper();
        using var aboutToWait = new ManualResetEventSlim();
        Task<ulong> run = RunAsync(machine, vcpu =>
        {
            Assert.Equal(VcpuExitKind.MmioRead, vcpu.RunOnceBounded().Kind);
            aboutToWait.Set();
            return vcpu.NextTold();
        });
        Assert.True(aboutToWait.Wait(Limit.Value), "The guest is about to wait.");

        machine.Interrupts.GetLine(Line).Set(true);

        Assert.Equal((ulong)(Arm64GicCode.FirstShared + Line), Limit.Await(run, "the guest to wake"));
    }

    [Fact]
    public void Cancel_OfSleepingVcpu_WakesItAndItSleepsOn()
    {
        using Arm64InterruptMachine machine = CreateSleeper();
        Task<VcpuExitKind> run = RunAsync(machine, static vcpu =>
        {
            Assert.Equal(VcpuExitKind.MmioRead, vcpu.RunOnceBounded().Kind);
            VcpuExitKind kind = vcpu.RunOnce().Kind;
            vcpu.Cancel();
            Assert.Equal(VcpuExitKind.Canceled, vcpu.RunOnce().Kind);
            return kind;
        });
        Limit.Until(() => machine.Machine.Partition.Vcpus is [var vcpu] && vcpu.Statistics.ExitsOf(VcpuExitKind.MmioRead) > 0, "the guest to be about to wait");

        machine.Machine.Partition.Vcpus[0].Cancel();

        Assert.Equal(VcpuExitKind.Canceled, Limit.Await(run, "the cancelled wait"));
    }

    [Fact]
    public void Timer_OfSleepingVcpu_WakesIt()
    {
        long second = Arm64TimerTests.CounterFrequency();
        using var machine = new Arm64InterruptMachine(
            a =>
            {
                a.EnablePrivate(Arm64GicCode.VirtualTimer);
                Arm64TimerTests.SetTimer(a, (ulong)second / 100);
            },
            static a =>
            {
                Arm64Label loop = new();
                a.Mark(loop);
                a.Wfi();
                a.B(loop);
            });

        Assert.Equal((ulong)Arm64GicCode.VirtualTimer, machine.Machine.NextTold());
        Assert.Equal(0, machine.Machine.Vcpu.Statistics.ExitsOf(VcpuExitKind.Halt));
    }

    /// <summary>Asks once, and then waits for ever.</summary>
    private static Arm64InterruptMachine CreateSleeper() => new(
        static a => a.EnableLine(Line),
        static a =>
        {
            Arm64Label loop = new();
            a.Ask();
            a.Mark(loop);
            a.Wfi();
            a.B(loop);
        });

    private static Task<TResult> RunAsync<TResult>(Arm64InterruptMachine machine, Func<Vcpu, TResult> body) => machine.Machine.Partition.RunVcpuAsync(0, (vcpu, _) =>
    {
        machine.Program.Start(vcpu);
        return body(vcpu);
    });
}
