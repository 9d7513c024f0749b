using System.Buffers.Binary;
using HvSdk;

/// <summary>
/// A device that its author sells in a package of its own: it counts primes. It knows no hypervisor, no vCPU and no bus; it gets
/// register accesses, a doorbell to wait for and an interrupt to raise.
/// </summary>
/// <remarks>
/// | offset | register | access |
/// | 0x0 | LIMIT: count primes up to this number | read, write |
/// | 0x4 | COUNT: the result of the last job | read |
/// | 0x8 | DOORBELL: any write starts a job; an interrupt tells its end | write |
/// </remarks>
internal sealed class PrimeCounter(Doorbell doorbell, Action raiseInterrupt) : IBusDevice
{
    public const ulong WindowSize = 0x10;
    public const int LimitRegister = 0x0;
    public const int CountRegister = 0x4;
    public const int DoorbellRegister = 0x8;

    /// <summary>A guest may ask for anything, and may not keep the worker busy for ever.</summary>
    private const uint MaxLimit = 100_000;

    private uint _limit;
    private uint _count;

    // Both are called on the thread of a vCPU and must not block. A real device would answer narrower accesses too; this one
    // leaves all ones where it does not know a register, which is what a bus without a device gives.
    public void Read(ulong offset, Span<byte> data)
    {
        if (data.Length == sizeof(uint) && offset is LimitRegister or CountRegister)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(data, Volatile.Read(ref offset == LimitRegister ? ref _limit : ref _count));
        }
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        // The doorbell register is not here: the hypervisor takes that write and wakes the worker, and the vCPU goes on at once.
        if (data.Length == sizeof(uint) && offset == LimitRegister)
        {
            Volatile.Write(ref _limit, BinaryPrimitives.ReadUInt32LittleEndian(data));
        }
    }

    /// <summary>The slow side, on a thread of its own: waits, computes, interrupts.</summary>
    public void Work(CancellationToken cancellationToken)
    {
        while (true)
        {
            doorbell.Wait(cancellationToken);
            uint limit = Math.Min(Volatile.Read(ref _limit), MaxLimit); // read once: the guest may change it meanwhile
            Volatile.Write(ref _count, CountPrimes(limit));
            raiseInterrupt();
        }
    }

    private static uint CountPrimes(uint limit)
    {
        uint count = 0;
        for (uint candidate = 2; candidate <= limit; candidate++)
        {
            uint divisor = 2;
            while (divisor * divisor <= candidate && candidate % divisor != 0)
            {
                divisor++;
            }

            count += divisor * divisor > candidate ? 1u : 0u;
        }

        return count;
    }
}
