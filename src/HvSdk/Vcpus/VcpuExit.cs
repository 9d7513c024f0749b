using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace HvSdk;

/// <summary>One exit of a vCPU: why it left the guest, and what it wants.</summary>
/// <remarks>
/// In a handler it is a view on the host's own exit block: nothing was allocated or copied. A run returns it as a copy that the vCPU keeps. It
/// holds until the vCPU runs again. The properties that belong to another kind throw <see cref="InvalidOperationException"/>.
/// </remarks>
public readonly ref struct VcpuExit
{
    private readonly ulong _address;
    private readonly Span<byte> _data;
    private readonly Span<byte> _fault;
    private readonly ReadOnlySpan<byte> _raw;
    private readonly uint _rawReason;
    private readonly int _count;
    private readonly int _detail;

    internal VcpuExit(
        VcpuExitKind kind, ulong address, Span<byte> data, int count, int detail, uint rawReason, ReadOnlySpan<byte> raw, Span<byte> fault)
    {
        Kind = kind;
        _address = address;
        _data = data;
        _count = count;
        _detail = detail;
        _rawReason = rawReason;
        _raw = raw;
        _fault = fault;
    }

    /// <summary>Why the vCPU left the guest.</summary>
    public VcpuExitKind Kind { get; }

    /// <summary>The exit is an access that a device, a handler or the caller can complete: port, MMIO or system register.</summary>
    public bool IsAccess => Kind is >= VcpuExitKind.PortRead and <= VcpuExitKind.RegisterWrite;

    /// <summary>The access is a write.</summary>
    public bool IsWrite => Kind is VcpuExitKind.PortWrite or VcpuExitKind.MmioWrite or VcpuExitKind.RegisterWrite;

    /// <summary>The I/O port of a port access.</summary>
    public ushort Port
    {
        get
        {
            Require(Kind is VcpuExitKind.PortRead or VcpuExitKind.PortWrite);
            return (ushort)_address;
        }
    }

    /// <summary>The GPA of an MMIO access or memory fault, or the linear address of a debug exit.</summary>
    public ulong Address
    {
        get
        {
            Require(Kind is VcpuExitKind.MmioRead or VcpuExitKind.MmioWrite or VcpuExitKind.Debug or VcpuExitKind.MemoryFault);
            return _address;
        }
    }

    /// <summary>
    /// The bytes of an access, little-endian: <see cref="Size"/> times <see cref="Count"/> of them. A write's bytes come from the guest; a
    /// read's bytes go to it at the next run and are all ones until they are set. For a hypercall, the 8 bytes of its result.
    /// </summary>
    public Span<byte> Data
    {
        get
        {
            Require(IsAccess || Kind == VcpuExitKind.Hypercall);
            return _data;
        }
    }

    /// <summary>Bytes of one access: 1 to 8.</summary>
    public int Size
    {
        get
        {
            Require(IsAccess);
            return _data.Length / _count;
        }
    }

    /// <summary>How many accesses follow each other to the same port (x64: REP INS and REP OUTS); 1 for all others.</summary>
    public int Count
    {
        get
        {
            Require(IsAccess);
            return _count;
        }
    }

    /// <summary>The value of a single access as a number: <see cref="Data"/>, zero-extended. Settable where the guest reads.</summary>
    public ulong Value
    {
        get
        {
            Require(IsAccess && _count == 1);
            ulong value = 0;
            for (int i = _data.Length - 1; i >= 0; i--)
            {
                value = (value << 8) | _data[i];
            }

            return value;
        }
    }

    /// <summary>Which system register is accessed (x64: the index of the MSR; arm64: <see cref="Arm64SystemRegister.Encoding"/>).</summary>
    public uint RegisterIndex
    {
        get
        {
            Require(Kind is VcpuExitKind.RegisterRead or VcpuExitKind.RegisterWrite);
            return (uint)_address;
        }
    }

    /// <summary>The number of a hypercall.</summary>
    public ulong HypercallNumber
    {
        get
        {
            Require(Kind == VcpuExitKind.Hypercall);
            return _address;
        }
    }

    /// <summary>The vector of an <see cref="VcpuExitKind.EndOfInterrupt"/>.</summary>
    public byte Vector
    {
        get
        {
            Require(Kind == VcpuExitKind.EndOfInterrupt);
            return (byte)_address;
        }
    }

    /// <summary>The task priority, 0 to 15, of a <see cref="VcpuExitKind.TaskPriority"/>.</summary>
    public byte Priority
    {
        get
        {
            Require(Kind == VcpuExitKind.TaskPriority);
            return (byte)_address;
        }
    }

    /// <summary>What the guest asks of the platform.</summary>
    public SystemEventKind SystemEvent
    {
        get
        {
            Require(Kind == VcpuExitKind.SystemEvent);
            return (SystemEventKind)_detail;
        }
    }

    /// <summary>What stopped a vCPU that is being debugged.</summary>
    public DebugCause DebugCause
    {
        get
        {
            Require(Kind == VcpuExitKind.Debug);
            return (DebugCause)_detail;
        }
    }

    /// <summary>Index of the hardware breakpoint in <see cref="VcpuDebugOptions.HardwareBreakpoints"/>.</summary>
    public int BreakpointIndex
    {
        get
        {
            Require(Kind == VcpuExitKind.Debug && DebugCause == DebugCause.HardwareBreakpoint);
            return _count;
        }
    }

    /// <summary>The instruction that the host could not emulate, up to 15 bytes; empty where the host does not give it.</summary>
    public ReadOnlySpan<byte> InstructionBytes
    {
        get
        {
            Require(Kind == VcpuExitKind.EmulationFailure);
            return _data;
        }
    }

    /// <summary>The host's own number for the reason, or for its detail where the kind has one.</summary>
    public uint RawReason => _rawReason;

    /// <summary>The host's own data for the exit, as it gave them; their layout is the backend's. A hypercall's arguments are here.</summary>
    public ReadOnlySpan<byte> RawData => _raw;

    /// <summary>Answers a read of one access with a number: its low bytes are put into <see cref="Data"/>, the rest is dropped.</summary>
    /// <param name="value">The number.</param>
    public void SetValue(ulong value)
    {
        Require(!IsWrite && ((IsAccess && _count == 1) || Kind == VcpuExitKind.Hypercall));
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes[.._data.Length].CopyTo(_data);
    }

    /// <summary>Refuses a system-register access: the guest gets its exception at the next run (x64: #GP; arm64: that of an undefined instruction).</summary>
    public void Fault()
    {
        Require(Kind is VcpuExitKind.RegisterRead or VcpuExitKind.RegisterWrite);
        _fault.Fill(1);
    }

    /// <summary>The exit in one line, for logs and failing tests.</summary>
    public override string ToString() => Kind switch
    {
        VcpuExitKind.PortRead or VcpuExitKind.PortWrite => $"{Kind} port 0x{_address:X} size {Size} count {_count}{DataText()}",
        VcpuExitKind.MmioRead or VcpuExitKind.MmioWrite => $"{Kind} GPA 0x{_address:X} size {Size}{DataText()}",
        VcpuExitKind.RegisterRead or VcpuExitKind.RegisterWrite => $"{Kind} register 0x{_address:X}{DataText()}",
        VcpuExitKind.Hypercall => $"{Kind} number 0x{_address:X}",
        VcpuExitKind.SystemEvent => $"{Kind} {SystemEvent} (host's number {_rawReason})",
        VcpuExitKind.Debug => $"{Kind} {DebugCause} at 0x{_address:X}",
        VcpuExitKind.EndOfInterrupt => $"{Kind} vector {_address}",
        VcpuExitKind.TaskPriority => $"{Kind} {_address}",
        VcpuExitKind.MemoryFault => $"{Kind} GPA 0x{_address:X}",
        VcpuExitKind.EmulationFailure => $"{Kind}{(_data.IsEmpty ? ", the host gives no instruction bytes" : $" at instruction {Convert.ToHexString(_data)}")}",
        VcpuExitKind.EntryFailure or VcpuExitKind.HostFailure or VcpuExitKind.Unknown => $"{Kind} (host's number {_rawReason} = 0x{_rawReason:X})",
        _ => Kind.ToString(),
    };

    /// <summary>Throws an <see cref="InvalidOperationException"/> that tells the exit: for callers that have handled all they expect.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    [DoesNotReturn]
    public void ThrowUnexpected() => throw new InvalidOperationException($"The guest left in a way that this program does not expect: {ToString()}.");

    /// <summary>What a caller does to the exit reaches the guest.</summary>
    internal bool CanBeAnswered => IsAccess || Kind == VcpuExitKind.Hypercall;

    /// <summary>Bytes that <see cref="CopyTo"/> needs.</summary>
    internal int CopySize => _data.Length + FaultSize + _raw.Length;

    /// <summary>Lays the exit's bytes out in a buffer: the data, a byte for <see cref="Fault"/>, the host's own data.</summary>
    /// <param name="buffer">At least <see cref="CopySize"/> bytes.</param>
    /// <param name="dataLength">How many of them are the data.</param>
    /// <returns>The same exit over the buffer.</returns>
    internal VcpuExit CopyTo(Span<byte> buffer, out int dataLength)
    {
        dataLength = _data.Length;
        Span<byte> data = buffer[..dataLength];
        Span<byte> fault = buffer.Slice(dataLength, FaultSize);
        Span<byte> raw = buffer.Slice(dataLength + FaultSize, _raw.Length);
        _data.CopyTo(data);
        fault.Clear();
        _fault.CopyTo(fault);
        _raw.CopyTo(raw);
        return new VcpuExit(Kind, _address, data, _count, _detail, _rawReason, raw, fault);
    }

    private const int FaultSize = 1;

    private string DataText() => IsWrite ? $" data {Convert.ToHexString(_data)}" : "";

    private void Require(bool holds)
    {
        if (!holds)
        {
            ThrowWrongKind();
        }
    }

    [DoesNotReturn]
    private void ThrowWrongKind() =>
        throw new InvalidOperationException($"An exit of kind {Kind} does not have this property. Look at {nameof(VcpuExit)}.{nameof(Kind)} first.");
}
