using HvSdk.Testing;

namespace HvSdk.Tests.Vcpus;

public sealed class VcpuRunTests
{
    public static TheoryData<string, string> Ends => new()
    {
        { nameof(VcpuScript.Halt), "Halt" },
        { nameof(VcpuScript.Shutdown), "Shutdown" },
        { nameof(VcpuScript.InterruptWindow), "InterruptWindow" },
        { nameof(VcpuScript.EndOfInterrupt), "EndOfInterrupt vector 49" },
        { nameof(VcpuScript.TaskPriority), "TaskPriority 3" },
        { nameof(VcpuScript.SystemEvent), "SystemEvent Reset (host's number 2)" },
        { nameof(VcpuScript.Debug), "Debug HardwareBreakpoint at 0x1234" },
        { nameof(VcpuScript.EmulationFailure), "EmulationFailure at instruction 0F0B" },
        { nameof(VcpuScript.EntryFailure), "EntryFailure (host's number 33 = 0x21)" },
        { nameof(VcpuScript.MemoryFault), "MemoryFault GPA 0x9000" },
        { nameof(VcpuScript.HostFailure), "HostFailure (host's number 3 = 0x3)" },
        { nameof(VcpuScript.Unknown), "Unknown (host's number 77 = 0x4D)" },
        { nameof(VcpuScript.RegisterRead), "RegisterRead register 0x10" },
        { nameof(VcpuScript.RegisterWrite), "RegisterWrite register 0x11 data EFBEADDE00000000" },
        { nameof(VcpuScript.Hypercall), "Hypercall number 0xC" },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public void Run_ExitThatIsNoBusAccess_EndsTheRun(string step, string words)
    {
        using ScriptedMachine machine = new();
        AddStep(machine.Script, step);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        VcpuExit exit = vcpu.Run();
        Assert.Equal(words, exit.ToString());
        Assert.Equal(1, vcpu.Statistics.ExitsOf(exit.Kind));
        Assert.Equal(1, vcpu.Statistics.Exits);
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public void Run_HandlerThatHandles_GoesOn(string step, string words)
    {
        using ScriptedMachine machine = new();
        AddStep(machine.Script, step);
        machine.Script.PortWrite(0x80, 0);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(static exit => exit.Kind == VcpuExitKind.PortWrite ? ExitDisposition.Stop : ExitDisposition.Handled);
        Assert.Equal(VcpuExitKind.PortWrite, vcpu.Run(ref handler).Kind);
        Assert.Equal([words, "PortWrite port 0x80 size 1 count 1 data 00"], handler.Seen);
    }

    [Fact]
    public void RunOnce_EachAccess_ReturnsIt()
    {
        using ScriptedMachine machine = new();
        var device = new RecordingDevice();
        machine.Partition.Ports.Map(0x80, 1, device);
        machine.Script.PortWrite(0x80, 0x12).PortRead(0x80, out _).MmioRead(0x1000, out _, 2).MmioWrite(0x1000, 0x3456, 2);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Equal("PortWrite port 0x80 size 1 count 1 data 12", vcpu.RunOnce().ToString());
        Assert.Equal("PortRead port 0x80 size 1 count 1", vcpu.RunOnce().ToString());
        Assert.Equal("MmioRead GPA 0x1000 size 2", vcpu.RunOnce().ToString());
        Assert.Equal("MmioWrite GPA 0x1000 size 2 data 5634", vcpu.RunOnce().ToString());
        Assert.Equal(VcpuExitKind.Halt, vcpu.RunOnce().Kind);
        Assert.Empty(device.Log);
    }

    [Fact]
    public void RunOnce_ReadThatNobodyAnswers_GivesAllOnes()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortRead(0x80, out ScriptedAnswer port, 2).MmioRead(0, out ScriptedAnswer mmio, 8).RegisterRead(0x10, out ScriptedAnswer register);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Equal(0xFFFFUL, vcpu.RunOnce().Value);
        vcpu.RunOnce();
        vcpu.RunOnce();
        vcpu.RunOnce();
        Assert.Equal((0xFFFFUL, ulong.MaxValue, ulong.MaxValue), (port.Value, mmio.Value, register.Value));
    }

    [Fact]
    public void Run_HandlerBeforeTheBus_AnswersOrLeavesIt()
    {
        using ScriptedMachine machine = new();
        machine.Partition.Ports.Map(0x60, 4, new RecordingDevice { Answer = [0xBB] });
        machine.Script.PortRead(0x60, out ScriptedAnswer handled).PortRead(0x61, out ScriptedAnswer left).PortRead(0x62, out ScriptedAnswer untouched);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(static exit =>
        {
            if (exit.Kind != VcpuExitKind.PortRead || exit.Port == 0x61)
            {
                return ExitDisposition.NotHandled;
            }

            if (exit.Port == 0x60)
            {
                exit.SetValue(0xAAAA);
            }

            return ExitDisposition.Handled;
        });
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run(ref handler).Kind);
        Assert.Equal((0xAAUL, 0xBBUL, 0xFFUL), (handled.Value, left.Value, untouched.Value));
        Assert.Equal(0, vcpu.Statistics.UnhandledReads);
    }

    [Fact]
    public void Run_HandlerStops_ReturnsTheAccessCompleted()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortRead(0x60, out ScriptedAnswer answer).PortWrite(0x61, 0x99).Halt();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(static exit =>
        {
            if (exit.Kind == VcpuExitKind.PortRead)
            {
                exit.SetValue(5);
            }

            return ExitDisposition.Stop;
        });
        Assert.Equal("PortRead port 0x60 size 1 count 1", vcpu.Run(ref handler).ToString());
        Assert.False(answer.IsGiven);
        Assert.Equal("PortWrite port 0x61 size 1 count 1 data 99", vcpu.Run(ref handler).ToString());
        Assert.Equal(5UL, answer.Value);
    }

    [Fact]
    public void Run_HandlerThrows_ExceptionReachesTheCallerAndTheVcpuStays()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortRead(0x60, out ScriptedAnswer answer).PortWrite(0x61, 1).Halt();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(static exit => exit.Kind == VcpuExitKind.PortRead ? throw new FormatException("mine") : ExitDisposition.NotHandled);
        Assert.Equal("mine", Assert.Throws<FormatException>(() => vcpu.Run(ref handler).Kind).Message);
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run(ref handler).Kind);
        Assert.Equal(0xFFUL, answer.Value);
    }

    [Fact]
    public void Run_DeviceThrows_ExceptionReachesTheCaller()
    {
        using ScriptedMachine machine = new();
        machine.Partition.Ports.Map(0x60, 1, new Throwing());
        machine.Script.PortWrite(0x60, 1).Halt();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Throws<FormatException>(() => vcpu.Run().Kind);
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
    }

    [Fact]
    public void Run_HostRefusesTheEntry_ThrowsAndTheVcpuStays()
    {
        using ScriptedMachine machine = new();
        machine.Backend.FailNext(ScriptedOperation.Enter);
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        Assert.Throws<HypervisorException>(() => vcpu.Run().Kind);
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run().Kind);
    }

    [Fact]
    public void Run_WithinAHandler_IsRefusedAndTheRunGoesOn()
    {
        using ScriptedMachine machine = new();
        machine.Script.PortWrite(0x60, 1).PortWrite(0x61, 1).Halt();
        using Vcpu vcpu = machine.Partition.CreateVcpu(0);
        var handler = new Listing(exit =>
        {
            if (exit.IsAccess)
            {
                Assert.Contains("vCPU 0 of partition is running", Assert.Throws<InvalidOperationException>(() => vcpu.Run().Kind).Message, StringComparison.Ordinal);
                Assert.Throws<InvalidOperationException>(() => vcpu.RunOnce().Kind);
                vcpu.X64.SetRegisters(vcpu.X64.GetRegisters() with { Rax = 7 });
            }

            return ExitDisposition.NotHandled;
        });
        Assert.Equal(VcpuExitKind.Halt, vcpu.Run(ref handler).Kind);
        Assert.Equal(7UL, vcpu.X64.GetRegisters().Rax);
    }

    [Fact]
    public async Task Members_OnAnotherThread_AreRefusedButThreeOfThem()
    {
        using ScriptedMachine machine = new();
        Vcpu vcpu = machine.Partition.CreateVcpu(0);
        int owner = Environment.CurrentManagedThreadId;
        await Limits.OnThread(() =>
        {
            Check(() => vcpu.Run());
            Check(() => vcpu.RunOnce());
            Check(() => vcpu.SetDebug(VcpuDebugOptions.None));
            Check(() => vcpu.ReadHostStatistics());
            Check(() => vcpu.X64.GetRegisters());
            Check(() => vcpu.X64.SaveState());
            vcpu.Cancel();
            Assert.Equal(1, vcpu.Statistics.Kicks);
            vcpu.Dispose();
        }).Within("the other thread");
        Assert.Equal(0, machine.Record.LiveVcpus);

        void Check(Action action)
        {
            InvalidOperationException e = Assert.Throws<InvalidOperationException>(action);
            Assert.Contains($"belongs to thread {owner}, and this is thread {Environment.CurrentManagedThreadId}", e.Message, StringComparison.Ordinal);
            Assert.Contains("only Cancel and Dispose may come from others", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void CreateVcpu_WrongIndex_IsRefused()
    {
        using ScriptedMachine machine = new(new() { MaxVcpus = 2 });
        foreach (int index in new[] { -1, 2, int.MaxValue })
        {
            ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => machine.Partition.CreateVcpu(index));
            Assert.Contains("has vCPUs 0 to 1. Set PartitionOptions.MaxVcpus for more", e.Message, StringComparison.Ordinal);
        }

        using Vcpu one = machine.Partition.CreateVcpu(1);
        using Vcpu zero = machine.Partition.CreateVcpu(0);
        Assert.Equal([0, 1], machine.Partition.Vcpus.Select(static vcpu => vcpu.Index));
        foreach (Action after in new Action[] { static () => { }, one.Dispose })
        {
            after();
            Assert.Contains("has, or had, a vCPU 1", Assert.Throws<InvalidOperationException>(() => machine.Partition.CreateVcpu(1)).Message, StringComparison.Ordinal);
        }
    }

    private static void AddStep(VcpuScript script, string step) => _ = step switch
    {
        nameof(VcpuScript.Halt) => script.Halt(),
        nameof(VcpuScript.Shutdown) => script.Shutdown(),
        nameof(VcpuScript.InterruptWindow) => script.InterruptWindow(),
        nameof(VcpuScript.EndOfInterrupt) => script.EndOfInterrupt(0x31),
        nameof(VcpuScript.TaskPriority) => script.TaskPriority(3),
        nameof(VcpuScript.SystemEvent) => script.SystemEvent(SystemEventKind.Reset, 2),
        nameof(VcpuScript.Debug) => script.Debug(DebugCause.HardwareBreakpoint, 0x1234, 2),
        nameof(VcpuScript.EmulationFailure) => script.EmulationFailure(0x0F, 0x0B),
        nameof(VcpuScript.EntryFailure) => script.EntryFailure(33),
        nameof(VcpuScript.MemoryFault) => script.MemoryFault(0x9000),
        nameof(VcpuScript.HostFailure) => script.HostFailure(3),
        nameof(VcpuScript.Unknown) => script.Unknown(77, 1, 2, 3),
        nameof(VcpuScript.RegisterRead) => script.RegisterRead(0x10, out _),
        nameof(VcpuScript.RegisterWrite) => script.RegisterWrite(0x11, 0xDEADBEEF, out _),
        nameof(VcpuScript.Hypercall) => script.Hypercall(12, out _, 1, 2),
        _ => throw new ArgumentException(step),
    };

    private sealed class Throwing : IBusDevice
    {
        public void Read(ulong offset, Span<byte> data) => throw new FormatException();

        public void Write(ulong offset, ReadOnlySpan<byte> data) => throw new FormatException();
    }
}
