using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf.Tests;

/// <summary>Disposal in every order, and exits of any content.</summary>
public sealed unsafe class LifetimeTests
{
    private const int Rounds = 20_000;

    [Fact]
    public void Dispose_InEveryOrder_LeavesNothing()
    {
        using FakeFramework framework = new() { IsNewest = true };
        int orders = 0;
        foreach (int[] order in Orders([0, 1, 2, 3, 4]))
        {
            IDisposable[] parts = Make(framework);
            foreach (int part in order)
            {
                parts[part].Dispose();
                parts[part].Dispose();
            }

            Assert.True(!framework.HasVm && !framework.HasVcpu && framework.Objects == 0 && framework.Allocations == 0, string.Join(", ", order));
            Assert.Throws<ObjectDisposedException>(() => ((Partition)parts[1]).Memory.Map(0x10000, 0x4000));
            Assert.Throws<ObjectDisposedException>(() => ((Vcpu)parts[2]).RunOnce());
            orders++;
        }

        Assert.Equal(120, orders);
    }

    [Fact]
    public void Exit_OfAnyContent_IsAValue()
    {
        var random = new Random(20261129);
        HashSet<VcpuExitKind> kinds = [];
        using FakeFramework framework = new() { IsNewest = true };
        using Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        PartitionOptions options = new() { ExitOnHypercall = true };
        options.Arm64.UnknownRegisters = Arm64UnknownRegisterPolicy.Exit;
        options.Arm64.Psci = false;
        using Partition partition = hypervisor.CreatePartition(options);
        byte[] code = new byte[0x8000];
        random.NextBytes(code);
        partition.Memory.Map(0, (ulong)code.Length, new MemoryRegionOptions { TrackDirtyPages = true });
        partition.Memory.Write(0, code);
        using Vcpu vcpu = partition.CreateVcpu(0);
        int round = 0;
        framework.Script.EnsureCapacity(2);
        for (; round < Rounds; round++)
        {
            ulong number = (ulong)random.NextInt64() | ((ulong)random.Next(2) << 63);
            ulong syndrome = ((ulong)(round & 0x3F) << 26) | (number & 0x3FF_FFFF);
            ulong address = (ulong)random.NextInt64(0x2_0000);
            vcpu.Arm64.SetRegisters([Arm64Register.Pc], [(ulong)random.Next(code.Length) & ~3UL]);
            framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, syndrome, address);
            int accesses = 0;
            VcpuExit exit;
            do
            {
                framework.Script.Enqueue(static (_, last) => last->Reason = HvExitReason.HV_EXIT_REASON_VTIMER_ACTIVATED);
                Assert.True(accesses++ < 10, $"Round {round}, syndrome 0x{syndrome:X}");
                exit = vcpu.RunOnce();
                kinds.Add(exit.Kind);
                if (exit.Kind is VcpuExitKind.MmioRead or VcpuExitKind.RegisterRead)
                {
                    random.NextBytes(exit.Data);
                }
            }
            while (exit.Kind != VcpuExitKind.Timer);

            framework.Script.Clear();
            framework.Calls.Clear();
        }

        Assert.Superset(
            new HashSet<VcpuExitKind>
            {
                VcpuExitKind.MmioRead, VcpuExitKind.MmioWrite, VcpuExitKind.RegisterRead, VcpuExitKind.RegisterWrite, VcpuExitKind.Hypercall, VcpuExitKind.Halt,
                VcpuExitKind.MemoryFault, VcpuExitKind.EmulationFailure, VcpuExitKind.Unknown,
            },
            kinds);
    }

    private static IDisposable[] Make(FakeFramework framework)
    {
        framework.Script.Clear();
        Hypervisor hypervisor = Hypervisor.Open(framework.CreateBackend());
        Partition partition = hypervisor.CreatePartition(new PartitionOptions { InterruptController = InterruptControllerMode.Full });
        MemoryRegion region = partition.Memory.Map(0, 0x4000);
        Vcpu vcpu = partition.CreateVcpu(0);
        vcpu.SetDebug(new VcpuDebugOptions { SoftwareBreakpoints = true });
        framework.Exit(HvExitReason.HV_EXIT_REASON_EXCEPTION, (0x24UL << 26) | (1UL << 24) | (2UL << 22), 0x900_0000);
        Assert.Equal(VcpuExitKind.MmioRead, vcpu.RunOnce().Kind);
        return [hypervisor, partition, vcpu, region, partition.Interrupts.CreateTrigger(partition.Interrupts.GetLine(5))];
    }

    private static IEnumerable<int[]> Orders(int[] parts) => parts.Length == 1
        ? [parts]
        : parts.SelectMany(first => Orders([.. parts.Where(part => part != first)]).Select(rest => (int[])[first, .. rest]));
}
