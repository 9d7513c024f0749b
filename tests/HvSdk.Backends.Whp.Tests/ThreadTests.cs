using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;
using HvSdk.Live;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Calls from threads that are not the vCPU's, and cancels that meet an exit.</summary>
public sealed unsafe class ThreadTests
{
    private const ulong Start = 0x1000;
    private const WHV_REGISTER_NAME Rax = WHV_REGISTER_NAME.WHvX64RegisterRax;
    private const WHV_REGISTER_NAME Rip = WHV_REGISTER_NAME.WHvX64RegisterRip;

    public static TheoryData<string, Action<Vcpu, X64VcpuState>> Calls => new()
    {
        { "RunOnce", static (vcpu, _) => vcpu.RunOnce() },
        { "Run", static (vcpu, _) => vcpu.Run() },
        { "SetDebug", static (vcpu, _) => vcpu.SetDebug(VcpuDebugOptions.None) },
        { "ReadHostStatistics", static (vcpu, _) => vcpu.ReadHostStatistics() },
        { "GetRegisters", static (vcpu, _) => vcpu.X64.GetRegisters() },
        { "SetRegisters", static (vcpu, _) => vcpu.X64.SetRegisters(default) },
        { "GetRegisters by name", static (vcpu, _) => vcpu.X64.GetRegisters([X64Register.Rax], new ulong[1]) },
        { "SetRegisters by name", static (vcpu, _) => vcpu.X64.SetRegisters([X64Register.Rax], [1]) },
        { "GetSpecialRegisters", static (vcpu, _) => vcpu.X64.GetSpecialRegisters() },
        { "SetSpecialRegisters", static (vcpu, _) => vcpu.X64.SetSpecialRegisters(default) },
        { "GetDebugRegisters", static (vcpu, _) => vcpu.X64.GetDebugRegisters() },
        { "SetDebugRegisters", static (vcpu, _) => vcpu.X64.SetDebugRegisters(default) },
        { "GetXsave", static (vcpu, _) => vcpu.X64.GetXsave() },
        { "SetXsave", static (vcpu, _) => vcpu.X64.SetXsave(new byte[4096]) },
        { "GetXcrs", static (vcpu, _) => vcpu.X64.GetXcrs() },
        { "SetXcrs", static (vcpu, _) => vcpu.X64.SetXcrs(new X64XcrValue(0, 1)) },
        { "GetMsr", static (vcpu, _) => vcpu.X64.GetMsr(X64MsrIndex.Star) },
        { "SetMsr", static (vcpu, _) => vcpu.X64.SetMsr(X64MsrIndex.Star, 1) },
        { "GetCpuid", static (vcpu, _) => vcpu.X64.GetCpuid() },
        { "InjectInterrupt", static (vcpu, _) => vcpu.X64.InjectInterrupt(0x40) },
        { "InjectNmi", static (vcpu, _) => vcpu.X64.InjectNmi() },
        { "RequestInterruptWindow", static (vcpu, _) => vcpu.X64.RequestInterruptWindow() },
        { "Activity", static (vcpu, _) => GC.KeepAlive(vcpu.X64.Activity) },
        { "SaveState", static (vcpu, _) => vcpu.X64.SaveState() },
        { "LoadState", static (vcpu, state) => vcpu.X64.LoadState(state) },
    };

    [Theory]
    [MemberData(nameof(Calls), DisableDiscoveryEnumeration = true)]
    public void Call_FromAnotherThread_IsRefusedBeforeThePlatformHearsOfIt(string name, Action<Vcpu, X64VcpuState> call)
    {
        using var machine = new FakeMachine();
        Vcpu vcpu = machine.Vcpu;
        X64VcpuState state = vcpu.X64.SaveState();
        machine.Platform.Calls.Clear();
        Exception? thrown = null;
        var thread = new Thread(() => thrown = Record.Exception(() => call(vcpu, state)));
        thread.Start();
        Assert.True(thread.Join(Limit.Value), $"The thread that called {name} ends.");

        InvalidOperationException e = Assert.IsType<InvalidOperationException>(thrown);
        Assert.Contains("thread", e.Message, StringComparison.Ordinal);
        Assert.Empty(machine.Platform.Calls);
    }

    [Fact]
    public void Cancel_WhileAnExitIsMade_TellsTheExitFirstAndIsNotLost()
    {
        using var machine = new FakeMachine();
        Vcpu vcpu = machine.Vcpu;
        machine.Then((_, exit) =>
        {
            vcpu.Cancel();
            exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt;
        }).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonUnrecoverableException);

        Assert.Equal(VcpuExitKind.Halt, vcpu.RunOnce().Kind);
        Assert.Equal(VcpuExitKind.Canceled, vcpu.RunOnce().Kind);
        Assert.Equal(VcpuExitKind.Shutdown, vcpu.RunOnce().Kind);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Cancel_WithAnAccessOpen_CompletesItOnce(bool isEmulated)
    {
        using var machine = new FakeMachine();
        machine.Load(Start, 0x8A, 0x07); // MOV AL, [BX]
        machine.Processor[WHV_REGISTER_NAME.WHvX64RegisterRbx] = 0;
        WHV_REGISTER_VALUE ds = new() { Segment = WhpRegisters.FromSegment(X64Segment.RealMode(0x3000)) };
        machine.Processor.Registers[WHV_REGISTER_NAME.WHvX64RegisterDs] = ds;
        _ = isEmulated ? machine.ThenMemory(0x3_0000) : machine.ThenPort(isWrite: false, 0x80, 1, length: 2);
        machine.Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);

        VcpuExit exit = machine.Vcpu.RunOnce();
        Assert.Equal(isEmulated ? VcpuExitKind.MmioRead : VcpuExitKind.PortRead, exit.Kind);
        exit.Data[0] = 0x5A;
        machine.Vcpu.Cancel();

        Assert.Equal(VcpuExitKind.Canceled, machine.Vcpu.RunOnce().Kind);
        Assert.Equal(VcpuExitKind.Halt, machine.Vcpu.RunOnce().Kind);
        Assert.Equal((0x5AUL, Start + 2), (machine.Processor[Rax], machine.Processor[Rip]));
    }

    /// <summary>Accesses and cancels as they come: none of either is lost, and no access is done twice.</summary>
    [Fact]
    public void Cancel_AgainstRunsWithAccesses_LosesAndDoublesNone()
    {
        const int accesses = 2000;
        using var machine = new FakeMachine();
        using var end = new CancellationTokenSource();
        Vcpu? vcpu = null;
        Task<(int Writes, ulong Rip)> run = machine.Partition.RunVcpuAsync(0, (own, _) =>
        {
            FakeProcessor processor = machine.Platform.Partition.Processor;
            processor[Rip] = 0;
            for (int i = 0; i < accesses; i++)
            {
                machine.Platform.Partition.Processor.Script.Enqueue(static (_, exit) =>
                {
                    exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64IoPortAccess;
                    exit->VpContext.InstructionLength = 1;
                    exit->IoPortAccess = new WHV_X64_IO_PORT_ACCESS_CONTEXT { PortNumber = 0x80 };
                    exit->IoPortAccess.AccessInfo.IsWrite = 1;
                    exit->IoPortAccess.AccessInfo.AccessSize = 1;
                });
            }

            processor.Script.Enqueue(static (_, exit) => exit->ExitReason = WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);
            Volatile.Write(ref vcpu, own);
            int writes = 0;
            for (VcpuExitKind kind = VcpuExitKind.Canceled; kind != VcpuExitKind.Halt;)
            {
                kind = own.RunOnce().Kind;
                writes += kind == VcpuExitKind.PortWrite ? 1 : 0;
            }

            return (writes, processor[Rip]);
        });
        while (!run.IsCompleted)
        {
            Volatile.Read(ref vcpu)?.Cancel();
            Thread.Yield();
        }

        Assert.Equal((accesses, (ulong)accesses), Limit.Await(run, "the run to end"));
    }
}
