namespace HvSdk.Emulation;

/// <summary>Accesses that leave the emulator, and the log that answers those that are done when their instruction is executed again.</summary>
/// <remarks>
/// An instruction that accesses MMIO is executed again from its start after each access; the log gives what the accesses before gave. Accesses
/// of RAM are in it too where doing them twice could show: in instructions with many, and where one crosses a page.
/// </remarks>
internal sealed partial class Core
{
    private const int MaxLog = 192;

    private readonly LogEntry[] _log = new LogEntry[MaxLog];
    private readonly byte[] _data = new byte[8];
    private LogEntry _leaving;
    private int _logCount;
    private int _logPosition;

    /// <summary>RAM is logged as well.</summary>
    internal bool LogsRam;

    /// <summary>An access has left; the next Run goes on with its instruction.</summary>
    internal bool IsSuspended;

    internal enum LogKind : byte
    {
        MemoryRead,
        MemoryWrite,
        PortRead,
        PortWrite,
    }

    internal X64EmulatedAccess LeavingAccess =>
        IsSuspended
            ? new(_leaving.Kind >= LogKind.PortRead, _leaving.Kind is LogKind.MemoryWrite or LogKind.PortWrite, _leaving.Address, _data.AsSpan(0, _leaving.Size))
            : default;

    /// <summary>Gives what the access gave when it was done before; false where it was not yet.</summary>
    internal bool TakeLogged(LogKind kind, ulong address, int size, ref ulong value)
    {
        if (_logPosition >= _logCount)
        {
            return false;
        }

        ref readonly LogEntry entry = ref _log[_logPosition];
        if (entry.Kind != kind || entry.Address != address || entry.Size != size)
        {
            // The instruction takes another way than before: memory changed under it. What is known of the old way helps no more.
            _logCount = _logPosition;
            return false;
        }

        _logPosition++;
        value = entry.Value;
        return true;
    }

    internal bool AppendLog(LogKind kind, ulong address, int size, ulong value)
    {
        if (_logCount == MaxLog)
        {
            return Unsupported();
        }

        _log[_logCount++] = new() { Kind = kind, Address = address, Size = (byte)size, Value = value };
        _logPosition = _logCount;
        Attention = true;
        return true;
    }

    internal bool Leave(LogKind kind, ulong address, int size, ulong value)
    {
        _leaving = new() { Kind = kind, Address = address, Size = (byte)size, Value = value };
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(_data, value);
        Outcome = Outcome.Access;
        return false;
    }

    /// <summary>The caller has done the access that left: its answer goes to the log, and the instruction starts again.</summary>
    internal void CompleteAccess()
    {
        ulong value = _leaving.Kind is LogKind.MemoryRead or LogKind.PortRead
            ? System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(_data) & Sizes.Mask(8) >> (64 - (_leaving.Size * 8))
            : _leaving.Value;
        if (_logCount < MaxLog)
        {
            _log[_logCount++] = _leaving with { Value = value };
        }

        IsSuspended = false;
        Rewind();
    }

    /// <summary>The instruction starts again.</summary>
    internal void Rewind()
    {
        _logPosition = 0;
        LogsRam = false;
    }

    internal void ClearLog()
    {
        _logCount = 0;
        _logPosition = 0;
        LogsRam = false;
    }

    private struct LogEntry
    {
        internal ulong Address;
        internal ulong Value;
        internal byte Size;
        internal LogKind Kind;
    }
}
