using System.Buffers.Binary;

namespace HvSdk.Backends;

/// <summary>
/// Carries out one load or store that has left the guest: gives it to the buses in parts of at most 8 bytes, and when the last is answered writes the registers and moves the
/// program counter. One for each vCPU, used again for each access; nothing is allocated. On the vCPU's thread.
/// </summary>
public sealed class Arm64AccessSequence
{
    private const int MaxPart = sizeof(ulong);

    private readonly byte[] _data = new byte[MaxPart];
    private readonly UInt128[] _loaded = new UInt128[2];
    private Arm64MmioAccess _access;
    private ulong _address;
    private int _part;
    private int _length;

    /// <summary>The bytes of the current part: what is written, or room for the answer.</summary>
    public Span<byte> Data => _data.AsSpan(0, _length);

    /// <summary>Begins an access.</summary>
    /// <param name="registers">The vCPU's registers.</param>
    /// <param name="access">The access.</param>
    /// <param name="address">The GPA of its first byte.</param>
    /// <param name="exit">The exit of its first part; its data is <see cref="Data"/>.</param>
    public void Start(IArm64AccessRegisters registers, scoped in Arm64MmioAccess access, ulong address, out VcpuExit exit)
    {
        ArgumentNullException.ThrowIfNull(registers);
        _access = access;
        _address = address;
        _part = 0;
        _loaded.AsSpan().Clear();
        Open(registers, out exit);
    }

    /// <summary>Takes the answer to the current part, and ends the access where it was the last.</summary>
    /// <param name="registers">The vCPU's registers.</param>
    /// <param name="exit">The exit of the next part.</param>
    /// <returns>True where the access is complete; false where there is an exit.</returns>
    public bool TryComplete(IArm64AccessRegisters registers, out VcpuExit exit)
    {
        ArgumentNullException.ThrowIfNull(registers);
        exit = default;
        if (!_access.IsWrite)
        {
            (int element, int half) = Position();
            _loaded[element] |= (UInt128)Answer() << (half * 64);
        }

        _part++;
        if (_part < _access.Count * (_access.Size == 16 ? 2 : 1))
        {
            Open(registers, out exit);
            return false;
        }

        if (!_access.IsWrite)
        {
            Load(registers, _access.Register, _loaded[0]);
            if (_access.Count == 2)
            {
                Load(registers, _access.SecondRegister, _loaded[1]);
            }
        }

        WriteBack(registers);
        registers.Advance();
        return true;
    }

    private void Open(IArm64AccessRegisters registers, out VcpuExit exit)
    {
        _length = int.Min(_access.Size, MaxPart);
        if (_access.IsWrite)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_data, Source(registers));
        }

        // Parts are as long as elements, or half of one.
        exit = ExitFactory.Mmio(_access.IsWrite, unchecked(_address + (ulong)(_part * _length)), Data);
    }

    /// <summary>The bytes of the register behind the current part.</summary>
    private ulong Source(IArm64AccessRegisters registers)
    {
        (int element, int half) = Position();
        int register = element == 0 ? _access.Register : _access.SecondRegister;
        return _access.IsSimd ? (ulong)(registers.GetSimd(register) >> (half * 64)) : registers.GetGeneral(register);
    }

    private (int Element, int Half) Position() => _access.Size == 16 ? (_part / 2, _part % 2) : (_part, 0);

    private ulong Answer()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        bytes.Clear();
        Data.CopyTo(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private void Load(IArm64AccessRegisters registers, int register, UInt128 value)
    {
        if (_access.IsSimd)
        {
            registers.SetSimd(register, value);
        }
        else
        {
            registers.SetGeneral(register, _access.Extend((ulong)value));
        }
    }

    private void WriteBack(IArm64AccessRegisters registers)
    {
        ulong distance = unchecked((ulong)_access.WriteBack);
        if (_access.BaseRegister == Arm64MmioAccess.ZeroRegister)
        {
            registers.StackPointer = unchecked(registers.StackPointer + distance);
        }
        else if (_access.BaseRegister >= 0)
        {
            registers.SetGeneral(_access.BaseRegister, unchecked(registers.GetGeneral(_access.BaseRegister) + distance));
        }
    }
}
