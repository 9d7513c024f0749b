// A device of your own, with all that devices have: registers in memory, a doorbell that wakes a worker without stopping the
// guest, and an interrupt that the worker raises. PrimeCounter.cs is the device; here it gets its place in a machine, and a
// driver: a guest in real mode that gives it three jobs and prints the answers from its interrupt handler.
using HvSdk;
using HvSdk.Backends.Kvm;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

const ulong Base = 0xD_0000; // within the first megabyte, where real mode reaches
const int InterruptLineNumber = 5;
const byte FirstVector = 0x20;

if (Hypervisor.Probe(KvmBackend.Instance) is { IsAvailable: false } probe)
{
    Console.Error.WriteLine(probe);
    return 1;
}

GuestProgram driver = GuestProgram.RealMode((a, marks) =>
{
    // The interrupt controller (8259A): edges, vectors from 0x20 on, only our line open.
    foreach ((byte port, byte value) in ((byte, byte)[])[(0x20, 0x11), (0x21, FirstVector), (0x21, 4), (0x21, 1), (0x21, 0xFF ^ (1 << InterruptLineNumber))])
    {
        a.mov(al, value);
        a.@out(port, al);
    }

    a.mov(ax, unchecked((short)(Base >> 4)));
    a.mov(es, ax);
    foreach (uint limit in (uint[])[10, 1_000, 100_000])
    {
        a.mov(__dword_ptr.es[PrimeCounter.LimitRegister], limit);
        a.mov(__byte_ptr.es[PrimeCounter.DoorbellRegister], 1);
        a.sti();
        a.hlt(); // until the interrupt comes: the instruction after STI cannot be interrupted, so none is missed
        a.cli();
    }

    a.@out(Panel.PowerOffPort, al);
    a.hlt();

    marks.Handler(FirstVector + InterruptLineNumber);
    a.mov(eax, __dword_ptr.es[PrimeCounter.CountRegister]);
    a.@out(Panel.NumberPort, eax);
    a.mov(al, 0x20); // end of interrupt
    a.@out(0x20, al);
    a.iret();
});

using Hypervisor hypervisor = Hypervisor.Open(KvmBackend.Instance);
using Partition partition = hypervisor.CreatePartition(new PartitionOptions { InterruptController = InterruptControllerMode.Full });
partition.Memory.Map(0, 0x10000);
driver.LoadInto(partition.Memory);

using Doorbell doorbell = partition.CreateDoorbell(DoorbellLocation.Mmio(Base + PrimeCounter.DoorbellRegister));
using InterruptTrigger interrupt = partition.Interrupts.CreateTrigger(partition.Interrupts.GetLine(InterruptLineNumber));
var device = new PrimeCounter(doorbell, interrupt.Signal);
partition.Mmio.Map(Base, PrimeCounter.WindowSize, device);

// A limit for the whole: a driver whose interrupt never comes would sleep for ever.
using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
var worker = new Thread(() => Work(device, limit.Token)) { IsBackground = true, Name = "PrimeCounter" };
worker.Start();

using Vcpu vcpu = partition.CreateVcpu(0);
driver.Start(vcpu);
var panel = default(Panel);
VcpuExit end = vcpu.Run(ref panel, limit.Token);

limit.Cancel();
worker.Join();
VcpuStatistics statistics = vcpu.Statistics;
Console.WriteLine(
    $"The guest left {statistics.Exits} times: {statistics.ExitsOf(VcpuExitKind.MmioWrite)} register writes, {statistics.ExitsOf(VcpuExitKind.MmioRead)} register reads, " +
    $"{panel.Numbers} numbers, and the power switch. {(statistics.ExitsOf(VcpuExitKind.MmioWrite) == 3 ? "Its doorbell made it leave not once." : "")}");
return end.Kind == VcpuExitKind.PortWrite && panel.Numbers == 3 ? 0 : 1;

static void Work(PrimeCounter device, CancellationToken cancellationToken)
{
    try
    {
        device.Work(cancellationToken);
    }
    catch (OperationCanceledException)
    {
        // The machine was switched off.
    }
}

/// <summary>Shows numbers and has a power switch. A handler sees each exit before the buses do; what it leaves goes to them.</summary>
internal struct Panel : IVcpuHandler
{
    public const byte NumberPort = 0x10;
    public const byte PowerOffPort = 0x11;

    public int Numbers { get; private set; }

    public ExitDisposition Handle(in VcpuExit exit)
    {
        if (exit.Kind != VcpuExitKind.PortWrite || exit.Port is not (NumberPort or PowerOffPort))
        {
            return ExitDisposition.NotHandled;
        }

        if (exit.Port == PowerOffPort)
        {
            return ExitDisposition.Stop;
        }

        Numbers++;
        Console.WriteLine($"The guest's interrupt handler says: {exit.Value} primes.");
        return ExitDisposition.Handled;
    }
}
