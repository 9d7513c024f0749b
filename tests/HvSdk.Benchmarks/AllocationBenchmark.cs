using System.Globalization;
using HvSdk.Testing;

namespace HvSdk.Benchmarks;

/// <summary>Bytes allocated over exits, doorbells that are waited for, and interrupts of every form.</summary>
internal sealed class AllocationBenchmark(Hypervisor hypervisor, bool quick)
{
    private const int ExitsPerGuest = 4096;
    private const int RingsPerGuest = 64;
    private const int ExitsPerRound = (2 * ExitsPerGuest) + (3 * RingsPerGuest) + 3;
    private const int InterruptsPerRound = 128;
    private const int WarmUps = 24;

    /// <summary>Lines that lead to the I/O APIC alone, whose inputs a reset masks: it takes the interrupts and hands none on.</summary>
    private const int Line = 20;
    private const int TriggeredLine = 21;
    private static readonly MsiMessage s_message = new(0xFEE0_0000, 0x40);

    private long _rings;
    private long _waiterBytes;

    internal Result Run()
    {
        using Partition interrupted = hypervisor.CreatePartition(new PartitionOptions { InterruptController = InterruptControllerMode.Full });
        interrupted.Memory.Map(0, Guests.SmallRam);
        using Vcpu target = interrupted.CreateVcpu(0);
        InterruptLine line = interrupted.Interrupts.GetLine(Line);
        using InterruptTrigger trigger = interrupted.Interrupts.CreateTrigger(interrupted.Interrupts.GetLine(TriggeredLine));
        using InterruptTrigger message = interrupted.Interrupts.CreateTrigger(s_message);

        using Partition partition = hypervisor.CreatePartition();
        partition.Memory.Map(0, Guests.SmallRam);
        Buses.Fill(partition);
        using Vcpu vcpu = partition.CreateVcpu(0);
        GuestProgram[] guests = [Guests.Ports(ExitsPerGuest, 0x1000), Guests.Mmio(ExitsPerGuest, 0x2000), Guests.Rings(RingsPerGuest, 0x3000)];
        foreach (GuestProgram guest in guests)
        {
            guest.LoadInto(partition.Memory);
        }

        guests[0].Start(vcpu);
        using Doorbell doorbell = partition.CreateDoorbell(DoorbellLocation.Port(Guests.BellPort));
        using var stop = new CancellationTokenSource();
        var waiter = new Thread(() => WaitForRings(doorbell, stop.Token)) { IsBackground = true, Name = "doorbell waiter" };
        waiter.Start();

        int rounds = quick ? 12 : 128;
        // The compiler's second thoughts about a method cost a few bytes per thread, once: let them come first.
        Round(WarmUps);
        long allBefore = GC.GetTotalAllocatedBytes(precise: true);
        long before = GC.GetAllocatedBytesForCurrentThread() + Volatile.Read(ref _waiterBytes);
        long ringsBefore = Volatile.Read(ref _rings);
        Round(rounds);
        long bytes = GC.GetAllocatedBytesForCurrentThread() + Volatile.Read(ref _waiterBytes) - before;
        long all = GC.GetTotalAllocatedBytes(precise: true) - allBefore;
        long exits = (long)rounds * ExitsPerRound;
        long rings = Volatile.Read(ref _rings) - ringsBefore;
        doorbell.Dispose();
        waiter.Join();

        return new Result("bytes-per-million-exits", bytes * (1e6 / exits), "bytes", Relation.Exactly, 0, string.Create(
            CultureInfo.InvariantCulture,
            $"{bytes} bytes on the two threads that use HvSdk ({all} in the process, the runtime's own threads among them) over {exits} exits, {rings} doorbell waits, and {rounds * InterruptsPerRound} each of lines, messages, line triggers and message triggers"));

        void Round(int times)
        {
            for (int i = 0; i < times; i++)
            {
                foreach (GuestProgram guest in guests)
                {
                    RunGuest(vcpu, guest, stop.Token);
                }

                for (int j = 0; j < InterruptsPerRound; j++)
                {
                    line.Set(j % 2 == 0);
                    interrupted.Interrupts.Send(s_message);
                    trigger.Signal();
                    message.Signal();
                }
            }
        }
    }

    private static void RunGuest(Vcpu vcpu, GuestProgram guest, CancellationToken cancellationToken)
    {
        vcpu.X64.SetRegisters(guest.InitialRegisters);
        VcpuExit exit = vcpu.Run(cancellationToken);
        if (exit.Kind != VcpuExitKind.Halt)
        {
            exit.ThrowUnexpected();
        }
    }

    private void WaitForRings(Doorbell doorbell, CancellationToken cancellationToken)
    {
        try
        {
            // With a token, without one, and with a limit: each is a way of its own.
            for (int i = 0; ; i++)
            {
                switch (i % 3)
                {
                    case 0:
                        doorbell.Wait(cancellationToken);
                        break;
                    case 1:
                        doorbell.Wait(CancellationToken.None);
                        break;
                    default:
                        while (!doorbell.Wait(TimeSpan.FromMilliseconds(5), cancellationToken))
                        {
                        }

                        break;
                }

                Volatile.Write(ref _waiterBytes, GC.GetAllocatedBytesForCurrentThread());
                Volatile.Write(ref _rings, _rings + 1);
            }
        }
        catch (ObjectDisposedException)
        {
            // The end of the benchmark.
        }
    }
}
