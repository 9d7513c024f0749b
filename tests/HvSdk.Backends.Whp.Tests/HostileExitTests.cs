using HvSdk.Backends.Whp.Interop;
using HvSdk.Backends.Whp.Tests.Fakes;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Exit blocks full of anything: of each, a value, and a vCPU that can go on.</summary>
public sealed unsafe class HostileExitTests
{
    private const int Rounds = 20_000;

    [Fact]
    public void Exit_OfAnyContent_IsAValue()
    {
        var random = new Random(20261129);
        WHV_RUN_VP_EXIT_REASON[] reasons = Enum.GetValues<WHV_RUN_VP_EXIT_REASON>();
        HashSet<VcpuExitKind> kinds = [];
        using var machine = new FakeMachine(configure: static options =>
        {
            options.ExitOnHypercall = true;
            options.X64.ExitOnUnknownMsr = true;
            options.InterruptController = InterruptControllerMode.PerVcpu;
        });
        byte[] code = new byte[FakeMachine.RamSize];
        random.NextBytes(code);
        machine.Partition.Memory.Write(0, code);
        byte[] block = new byte[sizeof(WHV_RUN_VP_EXIT_CONTEXT)];
        for (int i = 0; i < Rounds; i++)
        {
            random.NextBytes(block);
            WHV_RUN_VP_EXIT_REASON reason = reasons[i % reasons.Length];
            machine.Load((ulong)random.Next(0xF000), code.AsSpan(0, 0));
            machine.Then((_, exit) =>
            {
                block.CopyTo(new Span<byte>(exit, block.Length));
                exit->ExitReason = reason;
            }).Then(WHV_RUN_VP_EXIT_REASON.WHvRunVpExitReasonX64Halt);
            VcpuExit exit = machine.Vcpu.RunOnce();
            kinds.Add(exit.Kind);
            int accesses = 0;
            while (exit.Kind != VcpuExitKind.Halt)
            {
                Assert.True(accesses++ < 100, $"Round {i}, {reason}: {exit.ToString()}");
                if (exit.Kind is VcpuExitKind.PortRead or VcpuExitKind.MmioRead or VcpuExitKind.RegisterRead)
                {
                    random.NextBytes(exit.Data);
                }

                exit = machine.Vcpu.RunOnce();
            }

            machine.Processor.Writes.Clear();
            machine.Platform.Calls.Clear();
            machine.Platform.Interrupts.Clear();
        }

        Assert.Superset(
            new HashSet<VcpuExitKind>
            {
                VcpuExitKind.PortRead, VcpuExitKind.PortWrite, VcpuExitKind.RegisterRead, VcpuExitKind.RegisterWrite, VcpuExitKind.Hypercall, VcpuExitKind.EntryFailure,
                VcpuExitKind.Shutdown, VcpuExitKind.EndOfInterrupt, VcpuExitKind.EmulationFailure, VcpuExitKind.Unknown,
            },
            kinds);
    }
}
