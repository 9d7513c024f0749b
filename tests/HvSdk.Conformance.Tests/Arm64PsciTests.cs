using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Conformance.Tests;

/// <summary>Several vCPUs of AArch64: started, stopped and ended by PSCI, sharing memory.</summary>
[Arm64Only]
public sealed class Arm64PsciTests
{
    /* DEN 0022, 5.2: functions and results. */
    private const ulong Version = 0x8400_0000;
    private const ulong CpuOff = 0x8400_0002;
    private const ulong CpuOn = 0xC400_0003;
    private const ulong AffinityInfo = 0xC400_0004;
    private const ulong SystemOff = 0x8400_0008;
    private const ulong SystemReset = 0x8400_0009;
    private const ulong Features = 0x8400_000A;
    private const ulong NotSupported = ulong.MaxValue;
    private const ulong InvalidParameters = unchecked((ulong)-2);
    private const ulong AlreadyOn = unchecked((ulong)-4);

    /// <summary>What AFFINITY_INFO gives for a vCPU that is off (5.1.5).</summary>
    private const int Off = 1;

    private const ulong SecondCode = 0x1800;

    [Fact]
    public void Questions_OfTheGuest_AreAnswered()
    {
        using TestMachine machine = Arm64Guest.Create(static a =>
        {
            a.Call(Version);
            a.Tell(0);
            a.Call(Features, CpuOn);
            a.Tell(0);
            a.Call(Features, 0x8400_00FF);
            a.Tell(0);
            a.Call(AffinityInfo, 0, 0);
            a.Tell(0);
            a.Call(AffinityInfo, 77, 0);
            a.Tell(0);
            a.Call(CpuOn, 77, SecondCode, 0);
            a.Tell(0);
            a.Call(CpuOn, 0, SecondCode, 0);
            a.Tell(0);
        });

        Assert.Equal(1UL, machine.NextTold() >> 16);
        Assert.Equal([0, NotSupported, 0, InvalidParameters, InvalidParameters, AlreadyOn], Enumerable.Range(0, 6).Select(_ => machine.NextTold()));
        Assert.Equal(0, machine.Vcpu.Statistics.ExitsOf(VcpuExitKind.Hypercall));
    }

    [Fact]
    public void SecondVcpu_StartedByCpuOn_RunsItsCodeWithItsArgument()
    {
        using TestMachine machine = CreatePair(
            static first =>
            {
                first.Call(CpuOn, 1, SecondCode, 0xABCD);
                first.Tell(0);
            },
            static second =>
            {
                second.Mov(1, Arm64Program.HostPlace);
                second.Str(0, 1, 8);
                second.Mrs(2, Arm64SystemRegister.MpidrEl1);
                second.Str(2, 1, 8);
            });
        Task<(ulong Argument, ulong Affinity)> second = RunSecond(machine, static vcpu => (vcpu.NextTold(), vcpu.NextTold()));

        Assert.Equal(0UL, machine.NextTold());

        (ulong argument, ulong affinity) = Limit.Await(second, "the second vCPU");
        Assert.Equal((0xABCDUL, (1UL << 31) | Arm64Vcpu.GetAffinity(1)), (argument, affinity));
    }

    [Fact]
    public void SecondVcpu_NeverStarted_WaitsUntilCancelled()
    {
        using TestMachine machine = CreatePair(static first => first.Nop(), static second => second.Nop());
        Task<(Arm64PowerState State, VcpuExitKind Kind)> run = RunSecond(machine, static vcpu => (vcpu.Arm64.PowerState, vcpu.RunOnce().Kind));

        machine.Partition.Vcpus[^1].Cancel();

        Assert.Equal((Arm64PowerState.Off, VcpuExitKind.Canceled), Limit.Await(run, "the cancelled vCPU"));
    }

    [Fact]
    public void SecondVcpu_OffAndOnAgain_StartsAnew()
    {
        // Starts the second twice: waits each time until it is off. The second counts in the buffer and goes off.
        using TestMachine machine = CreatePair(
            static first =>
            {
                for (int i = 0; i < 2; i++)
                {
                    first.Call(CpuOn, 1, SecondCode, 0);
                    Arm64Label wait = new();
                    first.Mark(wait);
                    first.Call(AffinityInfo, 1, 0);
                    first.Sub(0, 0, Off);
                    first.Cbnz(0, wait);
                    first.Tell(0);
                }
            },
            static second =>
            {
                second.Mov(1, Guest.Buffer);
                second.Ldr(2, 1, 8);
                second.Add(2, 2, 1);
                second.Str(2, 1, 8);
                second.Call(CpuOff);
            });
        Task<VcpuExitKind> second = RunSecond(machine, static vcpu => vcpu.Run(CancellationToken.None).Kind);

        Assert.Equal((0UL, 0UL), (machine.NextTold(), machine.NextTold()));

        Assert.Equal(2UL, machine.Memory.Read<ulong>(Guest.Buffer));
        machine.Partition.Vcpus[^1].Cancel();
        Assert.Equal(VcpuExitKind.Canceled, Limit.Await(second, "the second vCPU to be cancelled"));
    }

    [Theory]
    [InlineData(SystemOff, SystemEventKind.PowerOff)]
    [InlineData(SystemReset, SystemEventKind.Reset)]
    public void System_EndedByTheGuest_LeavesWithIt(ulong function, SystemEventKind kind)
    {
        using TestMachine machine = Arm64Guest.Create(a => a.Call(function));

        Assert.Equal(kind, machine.RunOnce(VcpuExitKind.SystemEvent).SystemEvent);
    }

    [Fact]
    public void Psci_SwitchedOff_CallsAreHypercalls()
    {
        using TestMachine machine = Arm64Guest.Create(static a => a.Call(Version), static options =>
        {
            options.Arm64.Psci = false;
            options.ExitOnHypercall = true;
        });

        Assert.Equal(Version, machine.RunOnce(VcpuExitKind.Hypercall).HypercallNumber);
    }

    [Fact]
    public void FourVcpus_StartedByTheCaller_LoseNoIncrement()
    {
        const int vcpus = 4;
        const int increments = 10_000;
        TestProgram program = Guest.Program(
            static g =>
            {
                g.Set(GuestRegister.Address, Guest.Buffer);
                g.Set(GuestRegister.Count, increments);
                GuestLabel loop = g.MarkHere();
                g.IncrementAtomically();
                g.Add(GuestRegister.Count, -1);
                g.JumpUnlessZero(GuestRegister.Count, loop);
                g.Done();
            },
            level: 3);
        using var machine = new TestMachine(configure: static options => options.MaxVcpus = vcpus);
        program.LoadInto(machine.Memory);

        Task<VcpuExitKind>[] runs = [.. Enumerable.Range(0, vcpus).Select(i => machine.Partition.RunVcpuAsync(i, (vcpu, _) =>
        {
            program.Start(vcpu);
            return vcpu.RunOnceBounded().Kind;
        }))];

        Assert.All(runs, static run => Assert.Equal(VcpuExitKind.MmioWrite, Limit.Await(run, "a vCPU that counts")));
        Assert.Equal((ulong)(vcpus * increments), machine.Memory.Read<ulong>(Guest.Buffer));
    }

    /// <summary>Two vCPUs. The second starts as PSCI says: with its MMU off, and X0 alone set.</summary>
    private static TestMachine CreatePair(Action<Arm64Assembler> first, Action<Arm64Assembler> second) => Arm64Guest.Create(
        a =>
        {
            first(a);
            a.AskForEver();
            a.PadTo(SecondCode);
            second(a);
        },
        static options => options.MaxVcpus = 2);

    /// <summary>Returns when the vCPU exists.</summary>
    private static Task<TResult> RunSecond<TResult>(TestMachine machine, Func<Vcpu, TResult> body)
    {
        Task<TResult> run = machine.Partition.RunVcpuAsync(1, (vcpu, _) => body(vcpu));
        Limit.Until(() => run.IsCompleted || machine.Partition.Vcpus.Any(static vcpu => vcpu.Index == 1), "the second vCPU to exist");
        return run;
    }
}
