using System.Diagnostics;
using HvSdk.Live;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>
/// A machine whose guest takes interrupts. After what the test sets up it enables interrupts and reads a port for ever; each handler writes its
/// vector to the same port, and then ends the interrupt. So every exit tells what the guest does.
/// </summary>
internal sealed class InterruptMachine : IDisposable
{
    private const byte Port = 0x80;

    public InterruptMachine(
        InterruptControllerMode mode,
        byte[] vectors,
        Action<Assembler>? setUp = null,
        Action<Assembler>? endInterrupt = null,
        Action<PartitionOptions>? configure = null)
    {
        setUp ??= mode == InterruptControllerMode.None ? static _ => { } : ApicCode.EnableLocalApic;
        endInterrupt ??= mode == InterruptControllerMode.None
            ? static _ => { }
        : static a => a.WriteLocalApic(ApicCode.EndOfInterruptRegister, 0);
        Machine = new TestMachine(CreateProgram(vectors, setUp, endInterrupt), options =>
        {
            options.InterruptController = mode;
            configure?.Invoke(options);
        });
        ApicCode.OpenWindows(Machine.Vcpu);
    }

    public TestMachine Machine { get; }

    public InterruptController Interrupts => Machine.Partition.Interrupts;

    public X64Vcpu X64 => Machine.Vcpu.X64;

    /// <summary>Runs the guest until it has set up everything.</summary>
    public void RunToLoop() => Machine.RunOnce(VcpuExitKind.PortRead);

    /// <summary>Runs the guest to its next interrupt; interrupts may take a while to come.</summary>
    /// <returns>The vector. The handler has not ended the interrupt yet.</returns>
    public byte NextVector()
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < Limit.Value)
        {
            VcpuExit exit = Machine.RunOnce();
            if (exit.Kind != VcpuExitKind.PortRead)
            {
                Assert.Equal($"{VcpuExitKind.PortWrite}", $"{exit.Kind}");
                return (byte)exit.Value;
            }
        }

        throw Limit.Exceeded("the guest's next interrupt");
    }

    /// <summary>Lets the guest go round its loop a few times, and fails where an interrupt comes.</summary>
    public void AssertNoInterrupt()
    {
        for (int i = 0; i < 5; i++)
        {
            Machine.RunOnce(VcpuExitKind.PortRead);
        }
    }

    public void Dispose() => Machine.Dispose();

    private static GuestProgram CreateProgram(byte[] vectors, Action<Assembler> setUp, Action<Assembler> endInterrupt) => GuestProgram.RealMode((a, marks) =>
    {
        setUp(a);
        a.sti();
        Label loop = a.CreateLabel();
        a.Label(ref loop);
        a.@in(al, Port);
        a.jmp(loop);

        foreach (byte vector in vectors)
        {
            marks.Handler(vector);
            a.push(ax);
            a.WritePort(Port, vector);
            endInterrupt(a);
            a.pop(ax);
            a.iret();
        }
    });
}
