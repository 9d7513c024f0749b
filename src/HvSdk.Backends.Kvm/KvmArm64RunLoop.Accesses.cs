using System.Buffers.Binary;
using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;

namespace HvSdk.Backends.Kvm;

/// <summary>What the next entry has to do before the guest goes on, beside what the kernel does.</summary>
internal enum KvmArm64Pending
{
    None,
    Access,
    Call,
}

/// <content>What the kernel leaves to its user: accesses that no syndrome describes, and calls.</content>
internal sealed unsafe partial class KvmArm64RunLoop
{
    private const int InstructionSize = 4;
    private const int ArgumentCount = 7;

    private readonly Arm64AccessSequence _access = new();
    private readonly byte[] _instruction = new byte[InstructionSize];
    private readonly byte[] _result = new byte[sizeof(ulong)];
    private readonly ulong[] _arguments = new ulong[ArgumentCount];
    private KvmArm64Pending _pending;
    private bool _isKernelsAccessOpen;

    /// <summary>The next entry has to complete the instruction of the last exit.</summary>
    internal bool IsInstructionOpen => _isKernelsAccessOpen || _pending != KvmArm64Pending.None;

    /// <summary>The vCPU goes on elsewhere: what the last exit has left to do is not to be done. Registers stay as they are.</summary>
    internal void GiveUpInstruction()
    {
        _pending = KvmArm64Pending.None;
        if (!_isKernelsAccessOpen)
        {
            return;
        }

        // The kernel completes its access whatever happens, at an entry that does not run the guest; what that writes is taken back.
        _isKernelsAccessOpen = false;
        _arm64.GetRegisters(out Arm64Registers registers);
        Volatile.Write(ref _run->immediate_exit, 1);
        int result = Descriptor.Run();
        Volatile.Write(ref _run->immediate_exit, 0);
        if (result is not -LibC.EINTR)
        {
            throw KvmError.FromErrno(nameof(KVM.KVM_RUN), -result);
        }

        _arm64.SetRegisters(registers);
    }

    public override void AnswerAccess(ReadOnlySpan<byte> data, bool isFaulted)
    {
        switch (_pending)
        {
            case KvmArm64Pending.Access:
                data.CopyTo(_access.Data);
                return;
            case KvmArm64Pending.Call:
                data.CopyTo(_result);
                return;
            default:
                // The block is as the kernel left it at the last exit.
                data.CopyTo(KvmArm64Exits.Mmio(_run).Data);
                return;
        }
    }

    /// <summary>Does the rest of the last exit's instruction, where that is not the kernel's.</summary>
    /// <returns>False where that brings an exit of its own.</returns>
    private bool TryComplete(out VcpuExit exit)
    {
        exit = default;
        switch (_pending)
        {
            case KvmArm64Pending.Access when !_access.TryComplete(_registers, out exit):
                return false;
            case KvmArm64Pending.Access:
                _pending = KvmArm64Pending.None;
                return !_debugger.TryStep(RawData, out exit);
            case KvmArm64Pending.Call:
                // The program counter is behind the call already, of either kind.
                _pending = KvmArm64Pending.None;
                _registers.SetGeneral(0, BinaryPrimitives.ReadUInt64LittleEndian(_result));
                return true;
            default:
                return true;
        }
    }

    /// <summary>The guest has stored or loaded where no memory is, with an instruction that the syndrome does not describe: it is read and done here.</summary>
    private void StartAccess(out VcpuExit exit)
    {
        // The kernel gives the syndrome without its class (api.rst, 5, KVM_EXIT_ARM_NISV).
        var syndrome = new Arm64Syndrome(_run->arm_nisv.esr_iss);
        if (!TryReadInstruction(out uint instruction))
        {
            exit = ExitFactory.EmulationFailure(default, KVM_ARM64.KVM_EXIT_ARM_NISV, RawData);
            return;
        }

        if (!Arm64MmioAccess.TryDecode(instruction, out Arm64MmioAccess access) || access.IsWrite != syndrome.IsWrite)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_instruction, instruction);
            exit = ExitFactory.EmulationFailure(_instruction, KVM_ARM64.KVM_EXIT_ARM_NISV, RawData);
            return;
        }

        _pending = KvmArm64Pending.Access;
        _access.Start(_registers, access, _run->arm_nisv.fault_ipa, out exit);
    }

    /// <summary>A call that the filter lets go (KvmCallFilter). Arguments are read from the registers: the block has none.</summary>
    private void StartCall(out VcpuExit exit)
    {
        for (int i = 0; i < ArgumentCount; i++)
        {
            _arguments[i] = _registers.GetGeneral(i + 1);
        }

        _pending = KvmArm64Pending.Call;
        _result.AsSpan().Clear();
        exit = ExitFactory.Hypercall(_registers.GetGeneral(0), _result, MemoryMarshal.AsBytes(_arguments.AsSpan()));
    }

    private bool TryReadInstruction(out uint instruction)
    {
        var tables = new TableMemory(_partition.Memory);
        var registers = new Arm64TranslationRegisters(
            _registers.Get(Arm64SystemRegister.SctlrEl1), _registers.Get(Arm64SystemRegister.TcrEl1), _registers.Get(Arm64SystemRegister.Ttbr0El1),
            _registers.Get(Arm64SystemRegister.Ttbr1El1));
        instruction = 0;
        return Arm64TableWalk.TryTranslate(ref tables, registers, _registers.Pc, out ulong address) && tables.TryRead(address, out instruction);
    }

    /// <summary>The guest's memory, read once and under the gate, since regions may go meanwhile.</summary>
    private readonly struct TableMemory(KvmMemory memory) : IArm64TableMemory
    {
        public bool TryRead(ulong address, out ulong descriptor) => TryRead<ulong>(address, out descriptor);

        internal bool TryRead<T>(ulong address, out T value)
            where T : unmanaged
        {
            value = default;
            lock (memory.Gate)
            {
                if (!memory.TryTranslate(address, sizeof(T), write: false, out Span<byte> bytes, out _))
                {
                    return false;
                }

                value = MemoryMarshal.Read<T>(bytes);
                return true;
            }
        }
    }
}
