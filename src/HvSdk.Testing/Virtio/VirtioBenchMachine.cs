namespace HvSdk.Testing;

/// <summary>What benches of both transports have: a machine without processors, its memory, and a driver's place in it.</summary>
internal sealed class VirtioBenchMachine : IDisposable
{
    private const ulong ArenaStart = 0x10_0000;
    private const ulong MinMemorySize = 2 << 20;

    private readonly Hypervisor _hypervisor;

    internal VirtioBenchMachine(ulong memorySize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(memorySize, MinMemorySize);
        _hypervisor = Hypervisor.Open(new ScriptedBackend());
        Partition = _hypervisor.CreatePartition();
        Partition.Memory.Map(0, memorySize);
        Arena = new GuestArena(Partition.Memory, ArenaStart, memorySize - ArenaStart);
    }

    internal Partition Partition { get; }

    internal GuestArena Arena { get; }

    public void Dispose()
    {
        Partition.Dispose();
        _hypervisor.Dispose();
    }
}
