using System.Buffers.Binary;
using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <summary>What the next entry has to do before the guest goes on.</summary>
internal enum HvfPending
{
    None,
    Mmio,
    ReadRegister,
    WriteRegister,
    Hypercall,
}

/// <content>Accesses to devices: what the syndrome or the instruction tells, and their completion.</content>
internal sealed unsafe partial class HvfVcpu
{
    /// <summary>An access goes to the buses in parts of at most 8 bytes.</summary>
    private const int MaxPart = sizeof(ulong);

    private readonly byte[] _data = new byte[MaxPart];
    private readonly byte[] _fault = new byte[1];
    private readonly UInt128[] _loaded = new UInt128[2];
    private HvfPending _pending;
    private long _changesAtEntry;
    private Arm64MmioAccess _access;
    private ulong _address;
    private int _part;
    private int _dataLength;
    private int _operand;

    private Span<byte> Data => _data.AsSpan(0, _dataLength);

    public override void AnswerAccess(ReadOnlySpan<byte> data, bool isFaulted)
    {
        data.CopyTo(Data);
        _fault[0] = isFaulted ? (byte)1 : (byte)0;
    }

    /// <summary>The vCPU was put elsewhere: what the last exit has left to do is no longer to be done.</summary>
    internal void ForgetPending() => _pending = HvfPending.None;

    /// <summary>Does the rest of the last exit's instruction.</summary>
    /// <returns>False where that brings an exit of its own.</returns>
    private bool TryComplete(out VcpuExit exit)
    {
        exit = default;
        HvfPending pending = _pending;
        _pending = HvfPending.None;
        switch (pending)
        {
            case HvfPending.None:
                return true;
            case HvfPending.Mmio:
                if (!TryCompletePart(out exit))
                {
                    return false;
                }

                break;
            case HvfPending.Hypercall:
                _registers.SetGeneral(0, Take());
                return true;
            default:
                if (_fault[0] != 0)
                {
                    Arm64ExceptionEntry.Undefined(_arm64);
                    return true;
                }

                if (pending == HvfPending.ReadRegister)
                {
                    _registers.SetGeneral(_operand, Take());
                }

                _registers.Advance();
                break;
        }

        // An instruction that was completed here is a step, where the host steps.
        return !_debugger.TryStep(RawData, out exit);
    }

    private bool TryDecodeAbort(Arm64Syndrome syndrome, out VcpuExit exit)
    {
        ulong address = _exit->PhysicalAddress;
        HvfAbort abort = _partition.Memory.Meet(address, syndrome.IsWrite, _changesAtEntry);
        if (abort is HvfAbort.FirstWrite or HvfAbort.Changed)
        {
            exit = default;
            return false;
        }

        if (abort == HvfAbort.Memory || syndrome.IsTableWalk || syndrome.IsCacheMaintenance)
        {
            // No device can answer these: the walk of the guest's own tables, the maintenance of caches, memory that the host could not provide.
            exit = ExitFactory.Plain(VcpuExitKind.MemoryFault, address, (uint)syndrome.Class, RawData);
            return true;
        }

        if (syndrome.DescribesAccess)
        {
            _access = Arm64MmioAccess.FromSyndrome(syndrome);
        }
        else if (!TryReadInstruction(out uint instruction))
        {
            exit = ExitFactory.EmulationFailure(default, (uint)syndrome.Class, RawData);
            return true;
        }
        else if (!Arm64MmioAccess.TryDecode(instruction, out _access) || _access.IsWrite != syndrome.IsWrite)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_data, instruction);
            exit = ExitFactory.EmulationFailure(_data.AsSpan(0, InstructionSize), (uint)syndrome.Class, RawData);
            return true;
        }

        _address = address;
        _part = 0;
        _loaded.AsSpan().Clear();
        OpenPart(out exit);
        return true;
    }

    private void OpenPart(out VcpuExit exit)
    {
        _pending = HvfPending.Mmio;
        _dataLength = int.Min(_access.Size, MaxPart);
        if (_access.IsWrite)
        {
            Put(Source());
        }

        // Parts are as long as elements, or half of one.
        exit = ExitFactory.Mmio(_access.IsWrite, _address + (ulong)(_part * _dataLength), Data);
    }

    /// <summary>The bytes of the register behind the current part.</summary>
    private ulong Source()
    {
        (int element, int half) = Position();
        int register = element == 0 ? _access.Register : _access.SecondRegister;
        return _access.IsSimd ? (ulong)(_registers.GetSimd(register) >> (half * 64)) : _registers.GetGeneral(register);
    }

    private (int Element, int Half) Position() => _access.Size == 16 ? (_part / 2, _part % 2) : (_part, 0);

    private bool TryCompletePart(out VcpuExit exit)
    {
        exit = default;
        if (!_access.IsWrite)
        {
            (int element, int half) = Position();
            _loaded[element] |= (UInt128)Take() << (half * 64);
        }

        _part++;
        if (_part < _access.Count * (_access.Size == 16 ? 2 : 1))
        {
            OpenPart(out exit);
            return false;
        }

        if (!_access.IsWrite)
        {
            Load(_access.Register, _loaded[0]);
            if (_access.Count == 2)
            {
                Load(_access.SecondRegister, _loaded[1]);
            }
        }

        WriteBack();
        _registers.Advance();
        return true;
    }

    private void Load(int register, UInt128 value)
    {
        if (_access.IsSimd)
        {
            _registers.SetSimd(register, value);
        }
        else
        {
            _registers.SetGeneral(register, _access.Extend((ulong)value));
        }
    }

    private void WriteBack()
    {
        if (_access.BaseRegister < 0)
        {
            return;
        }

        if (_access.BaseRegister == Arm64MmioAccess.ZeroRegister)
        {
            Arm64SystemRegister stack = (_registers.Get(HvRegister.HV_REG_CPSR) & Arm64Pstate.ModeMask) == Arm64Pstate.El1h
                ? Arm64SystemRegister.SpEl1
                : Arm64SystemRegister.SpEl0;
            _registers.Set(stack, _registers.Get(stack) + (ulong)_access.WriteBack);
        }
        else
        {
            _registers.SetGeneral(_access.BaseRegister, _registers.GetGeneral(_access.BaseRegister) + (ulong)_access.WriteBack);
        }
    }

    private bool TryReadInstruction(out uint instruction)
    {
        var tables = new TableMemory(_partition.Memory);
        var registers = new Arm64TranslationRegisters(
            _registers.Get(Arm64SystemRegister.SctlrEl1), _registers.Get(Arm64SystemRegister.TcrEl1), _registers.Get(Arm64SystemRegister.Ttbr0El1),
            _registers.Get(Arm64SystemRegister.Ttbr1El1));
        ulong value = 0;
        bool isRead = Arm64TableWalk.TryTranslate(ref tables, registers, _registers.Get(HvRegister.HV_REG_PC), out ulong address)
            && _partition.Memory.TryRead(address, InstructionSize, out value);
        instruction = (uint)value;
        return isRead;
    }

    private void Put(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes[.._dataLength].CopyTo(_data);
    }

    private ulong Take()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        bytes.Clear();
        Data.CopyTo(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private readonly struct TableMemory(HvfMemory memory) : IArm64TableMemory
    {
        public bool TryRead(ulong address, out ulong descriptor) => memory.TryRead(address, sizeof(ulong), out descriptor);
    }
}
