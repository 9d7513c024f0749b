using HvSdk.Live;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Instructions that compute with a device register: read-modify-write, and loads that extend.</summary>
[X64Only("No instruction of AArch64 computes with memory; Arm64AccessTests has its loads and stores.")]
public sealed class MmioInstructionTests
{
    private const ulong Accumulator = 0x0000_0000_0000_00F0;
    private const ulong Register = 0xFFFF_FFFF_9ABC_DE0F;

    /// <summary>Each does its work on [RDI], where the device holds <see cref="Register"/>, with RAX = <see cref="Accumulator"/>.</summary>
    private static readonly Dictionary<string, (Action<Assembler> Emit, ulong Device, ulong Rax)> s_readModifyWrites = new()
    {
        ["or byte"] = (static a => a.or(__byte_ptr[rdi], 0x30), 0xFFFF_FFFF_9ABC_DE3F, Accumulator),
        ["and word"] = (static a => a.and(__word_ptr[rdi], 0x0FFF), 0xFFFF_FFFF_9ABC_0E0F, Accumulator),
        ["xor dword"] = (static a => a.xor(__dword_ptr[rdi], -1), 0xFFFF_FFFF_6543_21F0, Accumulator),
        ["add qword"] = (static a => a.add(__qword_ptr[rdi], rax), 0xFFFF_FFFF_9ABC_DEFF, Accumulator),
        ["sub dword"] = (static a => a.sub(__dword_ptr[rdi], eax), 0xFFFF_FFFF_9ABC_DD1F, Accumulator),
        ["inc byte"] = (static a => a.inc(__byte_ptr[rdi]), 0xFFFF_FFFF_9ABC_DE10, Accumulator),
        ["dec qword"] = (static a => a.dec(__qword_ptr[rdi]), 0xFFFF_FFFF_9ABC_DE0E, Accumulator),
        ["not word"] = (static a => a.not(__word_ptr[rdi]), 0xFFFF_FFFF_9ABC_21F0, Accumulator),
        ["neg dword"] = (static a => a.neg(__dword_ptr[rdi]), 0xFFFF_FFFF_6543_21F1, Accumulator),
        ["shl dword"] = (static a => a.shl(__dword_ptr[rdi], 4), 0xFFFF_FFFF_ABCD_E0F0, Accumulator),
        ["bts dword"] = (static a => a.bts(__dword_ptr[rdi], 4), 0xFFFF_FFFF_9ABC_DE1F, Accumulator),
        ["xchg dword"] = (static a => a.xchg(__dword_ptr[rdi], eax), 0xFFFF_FFFF_0000_00F0, 0x9ABC_DE0F),
        ["xadd dword"] = (static a => a.xadd(__dword_ptr[rdi], eax), 0xFFFF_FFFF_9ABC_DEFF, 0x9ABC_DE0F),
        ["lock or dword"] = (static a => a.@lock.or(__dword_ptr[rdi], eax), 0xFFFF_FFFF_9ABC_DEFF, Accumulator),
        ["lock inc word"] = (static a => a.@lock.inc(__word_ptr[rdi]), 0xFFFF_FFFF_9ABC_DE10, Accumulator),
        ["lock cmpxchg, unequal"] = (static a => a.@lock.cmpxchg(__dword_ptr[rdi], ebx), Register, 0x9ABC_DE0F),
    };

    private static readonly Dictionary<string, (Action<Assembler> Emit, ulong Rax)> s_loads = new()
    {
        ["mov eax clears the upper half"] = (static a => a.mov(eax, __dword_ptr[rdi]), 0x9ABC_DE0F),
        ["movzx eax, byte"] = (static a => a.movzx(eax, __byte_ptr[rdi + 1]), 0xDE),
        ["movzx rax, word"] = (static a => a.movzx(rax, __word_ptr[rdi]), 0xDE0F),
        ["movsx rax, byte, negative"] = (static a => a.movsx(rax, __byte_ptr[rdi + 1]), 0xFFFF_FFFF_FFFF_FFDE),
        ["movsx rax, byte, positive"] = (static a => a.movsx(rax, __byte_ptr[rdi]), 0x0F),
        ["movsx eax, word"] = (static a => a.movsx(eax, __word_ptr[rdi]), 0xFFFF_DE0F),
        ["movsxd rax, dword"] = (static a => a.movsxd(rax, __dword_ptr[rdi]), 0xFFFF_FFFF_9ABC_DE0F),
        ["add rax, qword"] = (static a => a.add(rax, __qword_ptr[rdi]), Register + Accumulator),
        ["cmp, sete"] = (
            static a =>
            {
                a.cmp(__byte_ptr[rdi], 0x0F);
                a.sete(al);
            },
            0x01),
        ["test, setz"] = (
            static a =>
            {
                a.test(__dword_ptr[rdi], 0x10);
                a.setz(al);
            },
            0x01),
        ["bt, setc"] = (
            static a =>
            {
                a.bt(__dword_ptr[rdi], 3);
                a.setc(al);
            },
            0x01),
    };

    public static MatrixTheoryData<string, int> ReadModifyWrites => new(s_readModifyWrites.Keys, [0, 3]);

    public static MatrixTheoryData<string, int> Loads => new(s_loads.Keys, [0, 3]);

    [Theory]
    [MemberData(nameof(ReadModifyWrites))]
    public void ReadModifyWrite_OnDevice_ReadsAndWritesOnce(string instruction, int level)
    {
        (Action<Assembler> emit, ulong expected, ulong expectedRax) = s_readModifyWrites[instruction];
        using TestMachine machine = Machine(level, emit);
        RecordingDevice device = AddDevice(machine);

        Run(machine);

        Assert.Equal(expected, BitConverter.ToUInt64(device.Bytes));
        Assert.Equal(expectedRax, machine.Registers.Rax);
        Assert.Equal([false, true], device.Accesses.Select(static access => access.IsWrite));
    }

    [Theory]
    [MemberData(nameof(Loads))]
    public void Load_FromDevice_ExtendsAndSetsFlags(string instruction, int level)
    {
        (Action<Assembler> emit, ulong expectedRax) = s_loads[instruction];
        using TestMachine machine = Machine(level, emit);
        RecordingDevice device = AddDevice(machine);

        Run(machine);

        // Of AL-only results the rest is the accumulator's, whose higher bytes are zeros.
        Assert.Equal(expectedRax, machine.Registers.Rax);
        Assert.Equal([false], device.Accesses.Select(static access => access.IsWrite));
    }

    private static TestMachine Machine(int level, Action<Assembler> emit) =>
        // One instruction on the device.
        new(Guest.Long(level, a =>
        {
            a.mov(edi, (uint)TestMachine.DeviceAddress);
            a.mov(eax, (uint)Accumulator);
            emit(a);
            a.Done();
        }));

    private static RecordingDevice AddDevice(TestMachine machine)
    {
        var device = new RecordingDevice(0x10);
        BitConverter.TryWriteBytes(device.Bytes, Register);
        machine.Partition.Mmio.Map(TestMachine.DeviceAddress, 0x10, device);
        return device;
    }

    private static void Run(TestMachine machine)
    {
        var handler = default(StopAtDone);
        machine.Run(ref handler, VcpuExitKind.PortWrite);
    }
}
