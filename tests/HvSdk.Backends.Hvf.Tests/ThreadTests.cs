using HvSdk.Backends.Hvf.Interop;
using HvSdk.Live;

namespace HvSdk.Backends.Hvf.Tests;

/// <summary>Calls from threads that are not the vCPU's, and cancels that meet an exit.</summary>
public sealed class ThreadTests
{
    private const ulong Device = 0x900_0000;

    /// <summary>A load of a word into X4, told by its syndrome.</summary>
    private const ulong Load = (0x24UL << 26) | (1UL << 25) | (1UL << 24) | (2UL << 22) | (4UL << 16);

    public static TheoryData<string, Action<Vcpu, Arm64VcpuState>> Calls => new()
    {
        { "RunOnce", static (vcpu, _) => vcpu.RunOnce() },
        { "Run", static (vcpu, _) => vcpu.Run() },
        { "SetDebug", static (vcpu, _) => vcpu.SetDebug(VcpuDebugOptions.None) },
        { "ReadHostStatistics", static (vcpu, _) => vcpu.ReadHostStatistics() },
        { "GetRegisters", static (vcpu, _) => vcpu.Arm64.GetRegisters() },
        { "SetRegisters", static (vcpu, _) => vcpu.Arm64.SetRegisters(default) },
        { "GetRegisters by name", static (vcpu, _) => vcpu.Arm64.GetRegisters([Arm64Register.Pc], new ulong[1]) },
        { "SetRegisters by name", static (vcpu, _) => vcpu.Arm64.SetRegisters([Arm64Register.Pc], [1]) },
        { "GetSystemRegister", static (vcpu, _) => vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.VbarEl1) },
        { "SetSystemRegister", static (vcpu, _) => vcpu.Arm64.SetSystemRegister(Arm64SystemRegister.VbarEl1, 0) },
        { "GetSimdRegisters", static (vcpu, _) => vcpu.Arm64.GetSimdRegisters(new UInt128[32]) },
        { "SetSimdRegisters", static (vcpu, _) => vcpu.Arm64.SetSimdRegisters(new UInt128[32]) },
        { "SetInterruptInput", static (vcpu, _) => vcpu.Arm64.SetInterruptInput(Arm64InterruptInput.Irq, true) },
        { "VirtualCounterOffset", static (vcpu, _) => GC.KeepAlive(vcpu.Arm64.VirtualCounterOffset) },
        { "IsVirtualTimerMasked", static (vcpu, _) => vcpu.Arm64.IsVirtualTimerMasked = true },
        { "GetVirtualTimerDelay", static (vcpu, _) => vcpu.Arm64.GetVirtualTimerDelay() },
        { "InjectUndefined", static (vcpu, _) => vcpu.Arm64.InjectUndefined() },
        { "SaveState", static (vcpu, _) => vcpu.Arm64.SaveState() },
        { "LoadState", static (vcpu, state) => vcpu.Arm64.LoadState(state) },
    };

    [Theory]
    [MemberData(nameof(Calls), DisableDiscoveryEnumeration = true)]
    public void Call_FromAnotherThread_IsRefusedBeforeTheFrameworkHearsOfIt(string name, Action<Vcpu, Arm64VcpuState> call)
    {
        using FakeFramework framework = new();
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        using Partition partition = hypervisor.CreatePartition();
        using Vcpu vcpu = partition.CreateVcpu(0);
        Arm64VcpuState state = vcpu.Arm64.SaveState();
        framework.Calls.Clear();
        Exception? thrown = null;
        var thread = new Thread(() => thrown = Record.Exception(() => call(vcpu, state)));
        thread.Start();
        Assert.True(thread.Join(Limit.Value), $"The thread that called {name} ends.");

        InvalidOperationException e = Assert.IsType<InvalidOperationException>(thrown);
        Assert.Contains("thread", e.Message, StringComparison.Ordinal);
        Assert.Empty(framework.Calls);
    }

    [Fact]
    public unsafe void Cancel_WhileAnExitIsMade_TellsTheExitFirstAndIsNotLost()
    {
        using FakeFramework framework = new();
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        using Partition partition = hypervisor.CreatePartition();
        using Vcpu vcpu = partition.CreateVcpu(0);
        framework.Script.Enqueue((_, exit) =>
        {
            vcpu.Cancel();
            exit->Reason = HvExitReason.HV_EXIT_REASON_VTIMER_ACTIVATED;
        });
        framework.Exit(HvExitReason.HV_EXIT_REASON_UNKNOWN);

        Assert.Equal(VcpuExitKind.Timer, vcpu.RunOnce().Kind);
        Assert.Equal(VcpuExitKind.Canceled, vcpu.RunOnce().Kind);
        Assert.Equal(VcpuExitKind.Unknown, vcpu.RunOnce().Kind);
    }

    [Fact]
    public void Cancel_WithAnAccessOpen_CompletesItOnce()
    {
        using FakeFramework framework = new();
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        using Partition partition = hypervisor.CreatePartition();
        using Vcpu vcpu = partition.CreateVcpu(0);
        framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, Load, Device);
        framework.Exit(HvExitReason.HV_EXIT_REASON_UNKNOWN);

        VcpuExit exit = vcpu.RunOnce();
        Assert.Equal(VcpuExitKind.MmioRead, exit.Kind);
        exit.Data.Clear();
        exit.Data[0] = 0x5A;
        vcpu.Cancel();

        Assert.Equal(VcpuExitKind.Canceled, vcpu.RunOnce().Kind);
        Assert.Equal(VcpuExitKind.Unknown, vcpu.RunOnce().Kind);
        Assert.Equal((0x5AUL, 4UL), (framework.Registers[4], framework.Registers[(int)HvRegister.HV_REG_PC]));
    }

    /// <summary>Accesses and cancels as they come: none of either is lost, and no access is done twice.</summary>
    [Fact]
    public void Cancel_AgainstRunsWithAccesses_LosesAndDoublesNone()
    {
        const int accesses = 2000;
        using FakeFramework framework = new();
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        using Partition partition = hypervisor.CreatePartition();
        for (int i = 0; i < accesses; i++)
        {
            framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, Load, Device);
        }

        framework.Exit(HvExitReason.HV_EXIT_REASON_UNKNOWN);
        Vcpu? vcpu = null;
        Task<int> run = partition.RunVcpuAsync(0, (own, _) =>
        {
            Volatile.Write(ref vcpu, own);
            int reads = 0;
            for (VcpuExitKind kind = VcpuExitKind.Canceled; kind != VcpuExitKind.Unknown;)
            {
                kind = own.RunOnce().Kind;
                reads += kind == VcpuExitKind.MmioRead ? 1 : 0;
            }

            return reads;
        });
        while (!run.IsCompleted)
        {
            Volatile.Read(ref vcpu)?.Cancel();
            Thread.Yield();
        }

        Assert.Equal(accesses, Limit.Await(run, "the run to end"));
        Assert.Equal(4UL * accesses, framework.Registers[(int)HvRegister.HV_REG_PC]);
    }

    /// <summary>The framework destroys a vCPU on its own thread alone: one that another thread gives up goes when its thread makes the next.</summary>
    [Fact]
    public void Dispose_OnAnotherThread_WaitsForTheVcpusOwn()
    {
        using FakeFramework framework = new();
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        Partition partition = hypervisor.CreatePartition();
        Vcpu vcpu = partition.CreateVcpu(0);
        var thread = new Thread(() =>
        {
            vcpu.Dispose();
            partition.Dispose();
        });
        thread.Start();
        Assert.True(thread.Join(Limit.Value), "The disposal ends.");
        Assert.True(framework.HasVcpu);

        using Partition next = hypervisor.CreatePartition();
        using Vcpu other = next.CreateVcpu(0);
        Assert.True(framework.HasVm);
    }
}
