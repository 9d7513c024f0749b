using System.Diagnostics;
using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Conformance.Tests;

/// <summary>A machine whose guest takes interrupts of the host's GIC. After what the test sets up it lets them in and asks the host for ever; its handler tells each number, and ends it.</summary>
internal sealed class Arm64InterruptMachine : IDisposable
{
    public Arm64InterruptMachine(Action<Arm64Assembler> setUp, Action<Arm64Assembler>? body = null, int vcpus = 1)
    {
        Program = new Arm64Program(
            a =>
            {
                a.EnableGic();
                setUp(a);
                a.UnmaskIrq();
                (body ?? Arm64Guest.AskForEver)(a);
            },
            handlers: (Arm64Vector.Irq, Arm64GicCode.TellInterrupt));
        Machine = new TestMachine(Program, options =>
        {
            GuestMessages.ConfigureFull(options);
            options.MaxVcpus = vcpus;
        });
    }

    public Arm64Program Program { get; }

    public TestMachine Machine { get; }

    public InterruptController Interrupts => Machine.Partition.Interrupts;

    /// <summary>Runs the guest until it has set up everything.</summary>
    public void RunToLoop() => Machine.RunOnce(VcpuExitKind.MmioRead);

    /// <summary>Runs the guest to its next interrupt; interrupts may take a while to come.</summary>
    /// <returns>The number. The handler has not ended the interrupt yet.</returns>
    public int NextInterrupt()
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < Limit.Value)
        {
            VcpuExit exit = Machine.RunOnce();
            if (exit.Kind != VcpuExitKind.MmioRead)
            {
                Assert.Equal((VcpuExitKind.MmioWrite, Arm64Program.HostPlace), (exit.Kind, exit.Address));
                return (int)exit.Value;
            }
        }

        throw Limit.Exceeded("the guest's next interrupt");
    }

    /// <summary>Lets the guest go round its loop a few times, and fails where an interrupt comes.</summary>
    public void AssertNoInterrupt()
    {
        for (int i = 0; i < 5; i++)
        {
            Machine.RunOnce(VcpuExitKind.MmioRead);
        }
    }

    public void Dispose() => Machine.Dispose();
}
