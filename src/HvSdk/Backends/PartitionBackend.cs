using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Backends;

/// <summary>One partition of a backend. The core has checked arguments, features, overlap and lifetime before it calls.</summary>
/// <remarks>Calls that change the partition are serialized by the core; interrupts and clocks may come from any thread at any time.</remarks>
public abstract class PartitionBackend : IDisposable
{
    /// <summary>Makes a vCPU, bound to the calling thread where the host binds them.</summary>
    /// <param name="index">Its index; the first is 0.</param>
    public abstract VcpuBackend CreateVcpu(int index);

    /// <summary>Gets memory from the host; it is not shown to the guest yet.</summary>
    /// <param name="size">Bytes, a multiple of the page size.</param>
    /// <param name="options">How it is made.</param>
    /// <returns>The memory, with its length set.</returns>
    public abstract SafeBuffer AllocateMemory(ulong size, MemoryRegionOptions options);

    /// <summary>Gives a handle to memory that can be shared, or null for memory that cannot.</summary>
    /// <param name="block">What <see cref="AllocateMemory"/> gave.</param>
    public abstract SafeFileHandle? DuplicateHandle(SafeBuffer block);

    /// <summary>Tells in which pieces the host takes memory back, or 0: it does not take this.</summary>
    /// <param name="block">What <see cref="AllocateMemory"/> gave.</param>
    /// <returns>Bytes, a power of two of at least the page size: <see cref="DiscardMemory"/> gets multiples of it alone.</returns>
    public virtual ulong GetDiscardUnit(SafeBuffer block) => 0;

    /// <summary>Gives part of a block back to the host: it costs nothing until it is touched again, and then it is zero, for guest and host.</summary>
    /// <remarks>
    /// Called by any thread at any time, also while vCPUs and devices use these bytes through any of the block's mappings, none of which moves: who touches
    /// a byte meanwhile finds the old one or zero. The core keeps the block alive. A host that needs its mappings renewed for it knows them by the block.
    /// </remarks>
    /// <param name="block">The memory.</param>
    /// <param name="offset">First byte within the block.</param>
    /// <param name="size">Bytes.</param>
    /// <returns>False: the host has refused, and each byte is as it was or zero.</returns>
    public virtual bool DiscardMemory(SafeBuffer block, ulong offset, ulong size) => false;

    /// <summary>Reads a part of a file into pieces of memory, in their order. By default it reads each large piece in place, and small ones together through a buffer.</summary>
    /// <remarks>Called by any thread at any time. The core keeps the memory alive.</remarks>
    /// <param name="file">The file.</param>
    /// <param name="offset">First byte within it.</param>
    /// <param name="pieces">1 to 256 pieces of memory of the partition's.</param>
    /// <returns>How many bytes, which may be fewer than there is room for; 0 at the file's end.</returns>
    /// <exception cref="IOException">The host cannot.</exception>
    public virtual long ReadFile(SafeFileHandle file, long offset, ReadOnlySpan<HostRange> pieces) => FilePieces.Read(file, offset, pieces);

    /// <summary>Writes pieces of memory to a part of a file, in their order. By default it writes each large piece in place, and small ones together through a buffer.</summary>
    /// <remarks>As <see cref="ReadFile"/>.</remarks>
    /// <param name="file">The file.</param>
    /// <param name="offset">First byte within it.</param>
    /// <param name="pieces">1 to 256 pieces of memory of the partition's.</param>
    /// <returns>How many bytes, which may be fewer than there are; more than 0.</returns>
    /// <exception cref="IOException">The host cannot.</exception>
    public virtual long WriteFile(SafeFileHandle file, long offset, ReadOnlySpan<HostRange> pieces) => FilePieces.Write(file, offset, pieces);

    /// <summary>Shows memory to the guest.</summary>
    /// <param name="address">The GPA.</param>
    /// <param name="block">The memory; the core keeps it alive until it is unmapped, or the partition is gone.</param>
    /// <param name="offset">First byte within the block.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="access">What the guest may do.</param>
    /// <param name="trackDirtyPages">Track written pages from the start.</param>
    /// <returns>A token of the backend's for this mapping.</returns>
    public abstract object MapMemory(ulong address, SafeBuffer block, ulong offset, ulong size, MemoryAccess access, bool trackDirtyPages);

    /// <summary>Takes memory away from the guest; when it returns no vCPU can reach it.</summary>
    /// <param name="mapping">The token.</param>
    public abstract void UnmapMemory(object mapping);

    /// <summary>Starts or ends the tracking of pages that the guest writes.</summary>
    /// <param name="mapping">The token.</param>
    /// <param name="enabled">True to start.</param>
    public abstract void SetDirtyTracking(object mapping, bool enabled);

    /// <summary>Gives the pages written since the last call, and counts anew.</summary>
    /// <param name="mapping">The token.</param>
    /// <param name="bitmap">Exactly the words that the mapping needs; overwritten.</param>
    public abstract void CollectDirtyPages(object mapping, Span<ulong> bitmap);

    /// <summary>Makes a doorbell, or gives null where the host serves none like it; then the bus does.</summary>
    /// <param name="location">The write that rings it.</param>
    public abstract HostEvent? CreateDoorbell(DoorbellLocation location);

    /// <summary>Sets an interrupt line.</summary>
    /// <param name="line">The line.</param>
    /// <param name="asserted">Its level.</param>
    public abstract void SetInterruptLine(int line, bool asserted);

    /// <summary>Sends a message-signalled interrupt.</summary>
    /// <param name="message">The message.</param>
    /// <returns>False where no vCPU took it.</returns>
    public abstract bool SendMsi(MsiMessage message);

    /// <summary>Replaces all routes of lines.</summary>
    /// <param name="routes">The routes.</param>
    public abstract void SetInterruptRoutes(ReadOnlySpan<InterruptRoute> routes);

    /// <summary>Makes an event that raises a line.</summary>
    /// <param name="line">The line.</param>
    /// <param name="levelTriggered">A signal asserts until acknowledged.</param>
    /// <param name="acknowledged">Set at each acknowledgement; null where not level-triggered.</param>
    public abstract HostEvent CreateLineTrigger(int line, bool levelTriggered, out HostEvent? acknowledged);

    /// <summary>Makes an event that sends a message.</summary>
    /// <param name="message">The message.</param>
    public abstract HostEvent CreateMsiTrigger(MsiMessage message);

    /// <summary>Gives a message trigger another message.</summary>
    /// <param name="trigger">The trigger.</param>
    /// <param name="message">The message.</param>
    /// <exception cref="InvalidOperationException">The trigger belongs to a line.</exception>
    public abstract void UpdateTrigger(HostEvent trigger, MsiMessage message);

    /// <summary>Saves what the host keeps beside vCPUs and memory.</summary>
    public abstract PartitionState SaveState();

    /// <summary>Loads it.</summary>
    /// <param name="state">The state.</param>
    public abstract void LoadState(PartitionState state);

    /// <summary>Reads the host's own counters for this partition.</summary>
    public virtual IReadOnlyList<HostStatistic> ReadStatistics() => [];

    /// <summary>Destroys the partition. Called once, after all its vCPUs, doorbells and triggers are disposed of.</summary>
    public abstract void Dispose();
}
