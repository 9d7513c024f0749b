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
    private readonly Arm64AccessSequence _access = new();

    /// <summary>An answer of the caller's, a register's value, or an instruction.</summary>
    private readonly byte[] _value = new byte[sizeof(ulong)];
    private readonly byte[] _fault = new byte[1];
    private HvfPending _pending;
    private long _changesAtEntry;
    private int _operand;

    public override void AnswerAccess(ReadOnlySpan<byte> data, bool isFaulted)
    {
        data.CopyTo(_pending == HvfPending.Mmio ? _access.Data : _value);
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
                if (!_access.TryComplete(_registers, out exit))
                {
                    _pending = HvfPending.Mmio;
                    return false;
                }

                break;
            case HvfPending.Hypercall:
                _registers.SetGeneral(0, BinaryPrimitives.ReadUInt64LittleEndian(_value));
                return true;
            default:
                if (_fault[0] != 0)
                {
                    Arm64ExceptionEntry.Undefined(_arm64);
                    return true;
                }

                if (pending == HvfPending.ReadRegister)
                {
                    _registers.SetGeneral(_operand, BinaryPrimitives.ReadUInt64LittleEndian(_value));
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

        Arm64MmioAccess access;
        if (syndrome.DescribesAccess)
        {
            access = Arm64MmioAccess.FromSyndrome(syndrome);
        }
        else if (!TryReadInstruction(out uint instruction))
        {
            exit = ExitFactory.EmulationFailure(default, (uint)syndrome.Class, RawData);
            return true;
        }
        else if (!Arm64MmioAccess.TryDecode(instruction, out access) || access.IsWrite != syndrome.IsWrite)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_value, instruction);
            exit = ExitFactory.EmulationFailure(_value.AsSpan(0, InstructionSize), (uint)syndrome.Class, RawData);
            return true;
        }

        _pending = HvfPending.Mmio;
        _access.Start(_registers, access, address, out exit);
        return true;
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

    private readonly struct TableMemory(HvfMemory memory) : IArm64TableMemory
    {
        public bool TryRead(ulong address, out ulong descriptor) => memory.TryRead(address, sizeof(ulong), out descriptor);
    }
}
