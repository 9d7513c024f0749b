using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Several vCPUs: started by the guest, interrupting each other, sharing memory.</summary>
[X64Only("INIT and start-up IPIs are x86's; Arm64PsciTests has PSCI.")]
public sealed class MultiprocessorTests
{
    private const byte Port = 0x80;
    private const ulong SecondProcessorCode = 0xC000;

    [Theory]
    [InlineData(InterruptControllerMode.PerVcpu)]
    [InlineData(InterruptControllerMode.Full)]
    public void SecondVcpu_StartedByInitAndStartupIpi_RunsItsCode(InterruptControllerMode mode)
    {
        // Writes 0x22 to the port, for ever.
        GuestProgram second = GuestProgram.RealMode(
            static a =>
            {
                Label loop = a.CreateLabel();
                a.Label(ref loop);
                a.WritePort(Port, 0x22);
                a.jmp(loop);
            },
            new GuestLayout { CodeAddress = SecondProcessorCode });
        using TestMachine machine = CreateMachine(mode, vcpus: 2);
        second.LoadInto(machine.Memory);
        Task<ulong> secondRun = RunSecond(machine, NextWrite);
        Task<ulong> firstRun = RunFirst(machine, a =>
        {
            StartSecond(a, second.SipiVector);
            a.WritePort(Port, 0x11);
        });

        Assert.Equal(0x11UL, Limit.Await(firstRun, "the first vCPU"));
        Assert.Equal(0x22UL, Limit.Await(secondRun, "the second vCPU"));
    }

    [Fact]
    public void SecondVcpu_NeverStarted_WaitsUntilCancelled()
    {
        using TestMachine machine = CreateMachine(InterruptControllerMode.PerVcpu, vcpus: 2);
        var created = new TaskCompletionSource<Vcpu>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<VcpuExitKind> run = machine.Partition.RunVcpuAsync(1, (vcpu, _) =>
        {
            created.SetResult(vcpu);
            return vcpu.RunOnce().Kind;
        });

        Limit.Await(created.Task, "the vCPU").Cancel();

        Assert.Equal(VcpuExitKind.Canceled, Limit.Await(run, "the cancelled vCPU"));
    }

    [Fact]
    public void Ipis_BothWays_InterruptTheOther()
    {
        const int rounds = 10;
        const ulong counter = 0x6000;
        const byte ping = 0x50;
        const byte pong = 0x51;

        // Halts; each ping is answered by a pong to vCPU 0. FS is 0xFEE00000 no more after a start, so the host lends it the window again.
        GuestProgram second = GuestProgram.RealMode(
            (a, marks) =>
            {
                a.mov(al, 1);
                a.@out(Port, al);
                a.EnableLocalApic();
                a.@lock.inc(__word_ptr[counter]);
                a.sti();
                Label halt = a.CreateLabel();
                a.Label(ref halt);
                a.hlt();
                a.jmp(halt);

                marks.Handler(ping);
                a.WriteLocalApic(ApicCode.EndOfInterruptRegister, 0);
                SendIpi(a, pong, destination: 0);
                a.iret();
            },
            new GuestLayout { CodeAddress = SecondProcessorCode });

        // Waits for the second to be ready, pings it, and halts until the pong has come; ten times.
        GuestProgram first = GuestProgram.RealMode((a, marks) =>
        {
            a.EnableLocalApic();
            StartSecond(a, second.SipiVector);
            Label ready = a.CreateLabel();
            a.Label(ref ready);
            a.cmp(__word_ptr[counter], 0);
            a.je(ready);
            a.sti();
            a.xor(cx, cx);
            Label again = a.CreateLabel();
            a.Label(ref again);
            SendIpi(a, ping, destination: 1);
            a.inc(cx);
            Label wait = a.CreateLabel();
            a.Label(ref wait);
            a.cmp(bx, cx);
            a.jne(wait);
            a.cmp(cx, rounds);
            a.jne(again);
            a.mov(al, bl);
            a.@out(Port, al);

            marks.Handler(pong);
            a.inc(bx);
            a.WriteLocalApic(ApicCode.EndOfInterruptRegister, 0);
            a.iret();
        });
        using TestMachine machine = CreateMachine(InterruptControllerMode.PerVcpu, vcpus: 2);
        second.LoadInto(machine.Memory);
        first.LoadInto(machine.Memory);
        machine.Memory.Write((ulong)(ping * 4), (uint)second.Symbols[$"handler_0x{ping:X2}"]);
        Task<VcpuExitKind> secondRun = RunSecond(machine, static vcpu =>
        {
            Assert.Equal(1UL, NextWrite(vcpu));
            ApicCode.OpenWindows(vcpu);
            return vcpu.Run(CancellationToken.None).Kind;
        });

        ulong pongs = Limit.Await(RunFirst(machine, first), "ten pongs");
        machine.Partition.Vcpus[^1].Cancel();

        Assert.Equal((ulong)rounds, pongs);
        Assert.Equal(VcpuExitKind.Canceled, Limit.Await(secondRun, "the second vCPU to be cancelled"));
    }

    [Fact]
    public void EightVcpus_LockedIncrements_LoseNone()
    {
        const int vcpus = 8;
        const int increments = 10_000;
        const int counter = 0x2_0000;

        // Privilege level 3, so that interpreting hosts run it natively too.
        GuestProgram program = GuestProgram.LongMode(
            static a =>
            {
                a.mov(ecx, increments);
                Label loop = a.CreateLabel();
                a.Label(ref loop);
                a.@lock.inc(__qword_ptr[counter]);
                a.dec(ecx);
                a.jnz(loop);
                a.@out(Port, al);
            },
            new GuestLayout { PrivilegeLevel = 3 });
        using TestMachine machine = CreateMachine(InterruptControllerMode.None, vcpus);
        program.LoadInto(machine.Memory);

        Task<VcpuExitKind>[] runs = [.. Enumerable.Range(0, vcpus).Select(i => machine.Partition.RunVcpuAsync(i, (vcpu, _) =>
        {
            program.Start(vcpu);
            return vcpu.RunOnceBounded().Kind;
        }))];

        Assert.All(runs, static run => Assert.Equal(VcpuExitKind.PortWrite, Limit.Await(run, "a vCPU that counts")));
        Assert.Equal((ulong)(vcpus * increments), machine.Memory.Read<ulong>(counter));
    }

    private static TestMachine CreateMachine(InterruptControllerMode mode, int vcpus) => new(configure: options =>
    {
        options.InterruptController = mode;
        options.MaxVcpus = vcpus;
    });

    private static Task<ulong> RunFirst(TestMachine machine, Action<Assembler> body)
    {
        GuestProgram program = GuestProgram.RealMode(a =>
        {
            a.EnableLocalApic();
            body(a);
        });
        program.LoadInto(machine.Memory);
        return RunFirst(machine, program);
    }

    private static Task<ulong> RunFirst(TestMachine machine, GuestProgram program) => machine.Partition.RunVcpuAsync(0, (vcpu, _) =>
    {
        program.Start(vcpu);
        ApicCode.OpenWindows(vcpu);
        return NextWrite(vcpu);
    });

    /// <summary>Returns when the vCPU exists, so that it hears the guest's INIT.</summary>
    private static Task<TResult> RunSecond<TResult>(TestMachine machine, Func<Vcpu, TResult> body)
    {
        Task<TResult> run = machine.Partition.RunVcpuAsync(1, (vcpu, _) => body(vcpu));
        Limit.Until(() => run.IsCompleted || machine.Partition.Vcpus.Any(static vcpu => vcpu.Index == 1), "the second vCPU to exist");
        return run;
    }

    private static ulong NextWrite(Vcpu vcpu)
    {
        VcpuExit exit = vcpu.RunOnceBounded();
        if (exit.Kind != VcpuExitKind.PortWrite)
        {
            exit.ThrowUnexpected();
        }

        return exit.Value;
    }

    /// <summary>INIT and a start-up IPI to vCPU 1 (Intel SDM vol. 3A, 11.6.1).</summary>
    private static void StartSecond(Assembler a, byte sipiVector)
    {
        a.WriteLocalApic(ApicCode.CommandHigh, 1U << 24);
        a.WriteLocalApic(ApicCode.CommandLow, 0x4500);
        a.WriteLocalApic(ApicCode.CommandLow, 0x4600U | sipiVector);
    }

    private static void SendIpi(Assembler a, byte vector, byte destination)
    {
        a.WriteLocalApic(ApicCode.CommandHigh, (uint)destination << 24);
        a.WriteLocalApic(ApicCode.CommandLow, vector | 0x4000U);
    }
}
