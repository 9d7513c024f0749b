using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using HvSdk.Backends;
using Microsoft.Win32.SafeHandles;

namespace HvSdk.Testing;

/// <summary>A partition of a script: real memory, and records of everything else.</summary>
internal sealed class ScriptedPartitionBackend(ScriptedBackend backend, ScriptedPartition record, X64CpuidTable cpuid) : PartitionBackend
{
    private static readonly byte[] s_zeros = new byte[1 << 16];

    private readonly object _gate = new();
    private readonly List<ScriptedMapping> _mappings = [];
    private PartitionState _state = new() { ClockNanoseconds = 0 };

    internal ScriptedBackend Backend => backend;

    internal ScriptedPartition Record => record;

    internal X64CpuidTable Cpuid => cpuid;

    public override VcpuBackend CreateVcpu(int index)
    {
        backend.Begin(ScriptedOperation.CreateVcpu);
        record.CountVcpu(1);
        return new ScriptedVcpuBackend(this, backend.Vcpu(index));
    }

    public override SafeBuffer AllocateMemory(ulong size, MemoryRegionOptions options)
    {
        backend.Begin(ScriptedOperation.AllocateMemory);
        if (options.Backing is MemoryBacking.FileBacking)
        {
            throw new NotSupportedException("A scripted guest has no memory from files. Map anonymous memory and write the file's bytes into it.");
        }

        try
        {
            // A view of a mapping without a file is a SafeBuffer of zeroed, page-aligned memory on every system, and outlives the mapping object.
            using var memory = MemoryMappedFile.CreateNew(
                null, checked((long)size), MemoryMappedFileAccess.ReadWrite, MemoryMappedFileOptions.DelayAllocatePages, HandleInheritability.None);
            return memory.CreateViewAccessor(0, (long)size).SafeMemoryMappedViewHandle;
        }
        catch (Exception e) when (e is IOException or OverflowException or OutOfMemoryException or ArgumentException)
        {
            throw new HypervisorException(backend.Name, "allocate memory", e.HResult, $"0x{size:X} bytes: {e.Message}", "Ask for less.");
        }
    }

    public override SafeFileHandle? DuplicateHandle(SafeBuffer block) =>
        throw new NotSupportedException("A scripted guest's memory stays in this process. Test the sharing on a real hypervisor.");

    public override ulong GetDiscardUnit(SafeBuffer block) => (ulong)backend.Capabilities.PageSize;

    public override bool DiscardMemory(SafeBuffer block, ulong offset, ulong size)
    {
        if ((offset | size) % (uint)backend.Capabilities.PageSize != 0)
        {
            throw new InvalidOperationException($"Contract: 0x{size:X} bytes at 0x{offset:X} of a block are not whole pages, and were given back.");
        }

        for (ulong done = 0; done < size; done += (uint)s_zeros.Length)
        {
            block.WriteSpan<byte>(offset + done, s_zeros.AsSpan(0, (int)ulong.Min((uint)s_zeros.Length, size - done)));
        }

        record.CountDiscarded(size);
        return true;
    }

    public override object MapMemory(ulong address, SafeBuffer block, ulong offset, ulong size, MemoryAccess access, bool trackDirtyPages)
    {
        backend.Begin(ScriptedOperation.MapMemory);
        lock (_gate)
        {
            if (_mappings.Exists(other => address < other.Address + other.Size && other.Address < address + size))
            {
                throw new InvalidOperationException($"Contract: 0x{size:X} bytes at 0x{address:X} overlap a mapping.");
            }

            var mapping = new ScriptedMapping(address, block, offset, size, access, backend.Capabilities.PageSize);
            mapping.SetTracking(trackDirtyPages);
            _mappings.Add(mapping);
            record.MappedRegions++;
            return mapping;
        }
    }

    public override void UnmapMemory(object mapping)
    {
        backend.Begin(ScriptedOperation.UnmapMemory);
        lock (_gate)
        {
            RequireMemory((ScriptedMapping)mapping);
            if (!_mappings.Remove((ScriptedMapping)mapping))
            {
                throw new InvalidOperationException("Contract: a mapping was unmapped twice.");
            }

            record.MappedRegions--;
        }
    }

    public override void SetDirtyTracking(object mapping, bool enabled)
    {
        backend.Begin(ScriptedOperation.SetDirtyTracking);
        lock (_gate)
        {
            ((ScriptedMapping)mapping).SetTracking(enabled);
        }
    }

    public override void CollectDirtyPages(object mapping, Span<ulong> bitmap)
    {
        backend.Begin(ScriptedOperation.CollectDirtyPages);
        lock (_gate)
        {
            ((ScriptedMapping)mapping).Collect(bitmap);
        }
    }

    public override HostEvent? CreateDoorbell(DoorbellLocation location)
    {
        backend.Begin(ScriptedOperation.CreateDoorbell);
        record.Add(location);
        return null;
    }

    public override void SetInterruptLine(int line, bool asserted)
    {
        backend.Begin(ScriptedOperation.SetInterruptLine);
        record.SetLine(line, asserted);
    }

    public override bool SendMsi(MsiMessage message)
    {
        backend.Begin(ScriptedOperation.SendMsi);
        record.Send(message);
        return record.DeliversMessages;
    }

    public override void SetInterruptRoutes(ReadOnlySpan<InterruptRoute> routes)
    {
        backend.Begin(ScriptedOperation.SetInterruptRoutes);
        record.SetRoutes(routes);
    }

    public override HostEvent CreateLineTrigger(int line, bool levelTriggered, out HostEvent? acknowledged)
    {
        backend.Begin(ScriptedOperation.CreateTrigger);
        var trigger = new ScriptedTrigger(record, line, levelTriggered);
        acknowledged = trigger.Acknowledged;
        return trigger;
    }

    public override HostEvent CreateMsiTrigger(MsiMessage message)
    {
        backend.Begin(ScriptedOperation.CreateTrigger);
        return new ScriptedTrigger(record, message);
    }

    public override void UpdateTrigger(HostEvent trigger, MsiMessage message) => ((ScriptedTrigger)trigger).Update(message);

    public override PartitionState SaveState()
    {
        backend.Begin(ScriptedOperation.SaveState);
        return _state;
    }

    public override void LoadState(PartitionState state)
    {
        backend.Begin(ScriptedOperation.LoadState);
        _state = state;
    }

    public override void Dispose()
    {
        if (record.IsDisposed || record.LiveVcpus > 0 || record.LiveTriggers > 0)
        {
            throw new InvalidOperationException(
                $"Contract: a partition is disposed of once, after its vCPUs ({record.LiveVcpus} live) and triggers ({record.LiveTriggers} live).");
        }

        lock (_gate)
        {
            _mappings.ForEach(RequireMemory);
            _mappings.Clear();
            record.MappedRegions = 0;
            record.IsDisposed = true;
        }
    }

    internal void Store(ulong address, ReadOnlySpan<byte> data)
    {
        lock (_gate)
        {
            int length = data.Length;
            ScriptedMapping mapping = _mappings.Find(mapping => mapping.Contains(address, length))
                ?? throw new InvalidOperationException(
                    $"The script stores {length} bytes to 0x{address:X}, where no region holds them all. Map it, or use {nameof(VcpuScript.MmioWrite)}.");
            mapping.Store(address, data);
        }
    }

    private static void RequireMemory(ScriptedMapping mapping)
    {
        if (mapping.Block.IsClosed)
        {
            throw new InvalidOperationException($"Contract: the memory at 0x{mapping.Address:X} was given back while the guest could reach it.");
        }
    }
}
