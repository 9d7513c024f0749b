using System.Buffers.Binary;

namespace HvSdk.Testing;

/// <summary>Assembles an AArch64 guest of a few instructions, each a method by its mnemonic (Arm ARM, C6.2). Registers are numbers; 31 is XZR, and as a base SP.</summary>
/// <remarks>What it lacks goes in as a word by <see cref="Word"/>. Not for production code: it knows what tests need.</remarks>
/// <example>
/// <code>
/// var guest = new Arm64Assembler(0x4000_0000);
/// Arm64Label loop = new();
/// guest.Mov(1, 0x900_0000); // the device
/// guest.Mark(loop);
/// guest.Ldr(2, 1, 4);       // a word of it
/// guest.Cbz(2, loop);
/// guest.Hvc(0);
/// region.Write(0, guest.ToArray());
/// </code>
/// </example>
public sealed class Arm64Assembler
{
    /// <summary>The register that reads as zero, and as a base the stack pointer.</summary>
    public const int Zero = 31;

    private const int WordSize = 4;

    private readonly List<uint> _words = [];
    private readonly List<(int Index, Arm64Label Label, int Shift, int Bits)> _fixups = [];

    /// <summary>A guest.</summary>
    /// <param name="origin">GPA of its first instruction, a multiple of 4.</param>
    public Arm64Assembler(ulong origin)
    {
        if (origin % WordSize != 0)
        {
            throw new ArgumentException($"Instructions lie at multiples of {WordSize}, and 0x{origin:X} is none.", nameof(origin));
        }

        Origin = origin;
    }

    /// <summary>GPA of the first instruction.</summary>
    public ulong Origin { get; }

    /// <summary>GPA of the next instruction.</summary>
    public ulong Position => Origin + ((ulong)_words.Count * WordSize);

    /// <summary>Puts a label at the next instruction.</summary>
    /// <param name="label">The label, which has no place yet.</param>
    public void Mark(Arm64Label label)
    {
        ArgumentNullException.ThrowIfNull(label);
        if (label.Index is not null)
        {
            throw new InvalidOperationException("The label has a place already.");
        }

        label.Index = _words.Count;
    }

    /// <summary>Any instruction, or data.</summary>
    /// <param name="word">Its 32 bits.</param>
    public void Word(uint word) => _words.Add(word);

    /// <summary>A number into a register: MOVZ and as many MOVK as it takes.</summary>
    /// <param name="register">X0 to X30.</param>
    /// <param name="value">The number.</param>
    public void Mov(int register, ulong value)
    {
        Word(0xD280_0000 | (uint)((value & 0xFFFF) << 5) | R(register));
        for (uint half = 1; half < 4; half++)
        {
            ulong bits = (value >> (int)(16 * half)) & 0xFFFF;
            if (bits != 0)
            {
                Word(0xF280_0000 | (half << 21) | (uint)(bits << 5) | R(register));
            }
        }
    }

    /// <summary>LDR, LDRB, LDRH: a load, zero-extended.</summary>
    /// <param name="register">X0 to X30.</param>
    /// <param name="address">The register that holds the address.</param>
    /// <param name="size">Bytes: 1, 2, 4 or 8.</param>
    /// <param name="offset">Added to the address, a multiple of the size.</param>
    public void Ldr(int register, int address, int size, int offset = 0) => Word(0x3940_0000 | Sized(register, address, size, offset));

    /// <summary>STR, STRB, STRH.</summary>
    /// <param name="register">X0 to X30, or <see cref="Zero"/>.</param>
    /// <param name="address">The register that holds the address.</param>
    /// <param name="size">Bytes: 1, 2, 4 or 8.</param>
    /// <param name="offset">Added to the address, a multiple of the size.</param>
    public void Str(int register, int address, int size, int offset = 0) => Word(0x3900_0000 | Sized(register, address, size, offset));

    /// <summary>LDRSB, LDRSH, LDRSW: a load, sign-extended to 64 bits.</summary>
    /// <param name="register">X0 to X30.</param>
    /// <param name="address">The register that holds the address.</param>
    /// <param name="size">Bytes: 1, 2 or 4.</param>
    /// <param name="offset">Added to the address, a multiple of the size.</param>
    public void Ldrs(int register, int address, int size, int offset = 0) => Word(0x3980_0000 | Sized(register, address, size, offset));

    /// <summary>LDP of two 64-bit registers.</summary>
    /// <param name="first">The register of the lower 8 bytes.</param>
    /// <param name="second">The other.</param>
    /// <param name="address">The register that holds the address.</param>
    /// <param name="offset">Added to the address, a multiple of 8, -512 to 504.</param>
    public void Ldp(int first, int second, int address, int offset = 0) => Word(0xA940_0000 | Pair(first, second, address, offset));

    /// <summary>STP of two 64-bit registers.</summary>
    /// <param name="first">The register of the lower 8 bytes.</param>
    /// <param name="second">The other.</param>
    /// <param name="address">The register that holds the address.</param>
    /// <param name="offset">Added to the address, a multiple of 8, -512 to 504.</param>
    public void Stp(int first, int second, int address, int offset = 0) => Word(0xA900_0000 | Pair(first, second, address, offset));

    /// <summary>ADD of a small number.</summary>
    /// <param name="result">Where the sum goes.</param>
    /// <param name="register">A register.</param>
    /// <param name="value">0 to 4095.</param>
    public void Add(int result, int register, int value) => Word(0x9100_0000 | Immediate12(value) | (R(register) << 5) | R(result));

    /// <summary>SUB of a small number.</summary>
    /// <param name="result">Where the difference goes.</param>
    /// <param name="register">A register.</param>
    /// <param name="value">0 to 4095.</param>
    public void Sub(int result, int register, int value) => Word(0xD100_0000 | Immediate12(value) | (R(register) << 5) | R(result));

    /// <summary>ADD of two registers.</summary>
    /// <param name="result">Where the sum goes.</param>
    /// <param name="first">A register.</param>
    /// <param name="second">Another.</param>
    public void AddRegister(int result, int first, int second) => Word(0x8B00_0000 | (R(second) << 16) | (R(first) << 5) | R(result));

    /// <summary>B.</summary>
    /// <param name="label">Where to.</param>
    public void B(Arm64Label label) => Branch(0x1400_0000, label, 0, 26);

    /// <summary>CBZ: branches where a register is zero.</summary>
    /// <param name="register">The register.</param>
    /// <param name="label">Where to.</param>
    public void Cbz(int register, Arm64Label label) => Branch(0xB400_0000 | R(register), label, 5, 19);

    /// <summary>CBNZ: branches where a register is not zero.</summary>
    /// <param name="register">The register.</param>
    /// <param name="label">Where to.</param>
    public void Cbnz(int register, Arm64Label label) => Branch(0xB500_0000 | R(register), label, 5, 19);

    /// <summary>HVC: calls the hypervisor.</summary>
    /// <param name="immediate">A number for it.</param>
    public void Hvc(ushort immediate = 0) => Word(0xD400_0002 | ((uint)immediate << 5));

    /// <summary>SMC: calls the secure monitor.</summary>
    /// <param name="immediate">A number for it.</param>
    public void Smc(ushort immediate = 0) => Word(0xD400_0003 | ((uint)immediate << 5));

    /// <summary>BRK: a software breakpoint.</summary>
    /// <param name="immediate">A number for the debugger.</param>
    public void Brk(ushort immediate = 0) => Word(0xD420_0000 | ((uint)immediate << 5));

    /// <summary>WFI: waits for an interrupt.</summary>
    public void Wfi() => Word(0xD503_207F);

    /// <summary>NOP.</summary>
    public void Nop() => Word(0xD503_201F);

    /// <summary>ISB: what was written to system registers holds from here on.</summary>
    public void Isb() => Word(0xD503_3FDF);

    /// <summary>DSB SY: all accesses before it are done.</summary>
    public void Dsb() => Word(0xD503_3F9F);

    /// <summary>ERET: returns from an exception.</summary>
    public void Eret() => Word(0xD69F_03E0);

    /// <summary>MRS: reads a system register.</summary>
    /// <param name="register">X0 to X30.</param>
    /// <param name="source">The system register.</param>
    public void Mrs(int register, Arm64SystemRegister source) => Word(0xD520_0000 | Encode(source) | R(register));

    /// <summary>MSR: writes a system register.</summary>
    /// <param name="target">The system register.</param>
    /// <param name="register">X0 to X30, or <see cref="Zero"/>.</param>
    public void Msr(Arm64SystemRegister target, int register) => Word(0xD500_0000 | Encode(target) | R(register));

    /// <summary>MSR DAIFClr: lets IRQs in.</summary>
    public void UnmaskIrq() => Word(0xD503_42FF);

    /// <summary>MSR DAIFSet: keeps IRQs out.</summary>
    public void MaskIrq() => Word(0xD503_42DF);

    /// <summary>Fills up to an address with NOP.</summary>
    /// <param name="address">The GPA of the next instruction, at or behind <see cref="Position"/>.</param>
    public void PadTo(ulong address)
    {
        if (address < Position || address % WordSize != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(address), address, $"The next instruction is at 0x{Position:X}; padding leads forward, to a multiple of {WordSize}.");
        }

        while (Position < address)
        {
            Nop();
        }
    }

    /// <summary>The bytes of all instructions.</summary>
    /// <exception cref="InvalidOperationException">A label that is used has no place, or lies too far from its branch.</exception>
    public byte[] ToArray()
    {
        uint[] words = [.. _words];
        foreach ((int index, Arm64Label label, int shift, int bits) in _fixups)
        {
            int distance = (label.Index ?? throw new InvalidOperationException($"The branch at 0x{Origin + ((ulong)index * WordSize):X} leads to a label that has no place. Mark it.")) - index;
            int limit = 1 << (bits - 1);
            if (distance < -limit || distance >= limit)
            {
                throw new InvalidOperationException($"The branch at 0x{Origin + ((ulong)index * WordSize):X} leads {distance} instructions away, and {limit} are the most.");
            }

            words[index] |= ((uint)distance & ((1U << bits) - 1)) << shift;
        }

        byte[] bytes = new byte[words.Length * WordSize];
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * WordSize), words[i]);
        }

        return bytes;
    }

    private static uint R(int register) => register is >= 0 and <= Zero
        ? (uint)register
        : throw new ArgumentOutOfRangeException(nameof(register), register, $"Registers are 0 to 30, and {Zero}.");

    private static uint Immediate12(int value) => value is >= 0 and < 4096
        ? (uint)value << 10
        : throw new ArgumentOutOfRangeException(nameof(value), value, "The number has 12 bits: 0 to 4095.");

    private static uint Sized(int register, int address, int size, int offset)
    {
        uint log = size switch
        {
            1 => 0,
            2 => 1,
            4 => 2,
            8 => 3,
            _ => throw new ArgumentOutOfRangeException(nameof(size), size, "A load or store has 1, 2, 4 or 8 bytes."),
        };
        return offset % size == 0 && offset / size is >= 0 and < 4096
            ? (log << 30) | ((uint)(offset / size) << 10) | (R(address) << 5) | R(register)
            : throw new ArgumentOutOfRangeException(nameof(offset), offset, $"The offset is a multiple of {size} from 0 to {4095 * size}.");
    }

    private static uint Pair(int first, int second, int address, int offset) => offset % 8 == 0 && offset is >= -512 and <= 504
        ? (((uint)(offset / 8) & 0x7F) << 15) | (R(second) << 10) | (R(address) << 5) | R(first)
        : throw new ArgumentOutOfRangeException(nameof(offset), offset, "The offset of a pair is a multiple of 8 from -512 to 504.");

    private static uint Encode(Arm64SystemRegister register) => register.Op0 >= 2
        ? (uint)register.Encoding << 5
        : throw new ArgumentException($"{register} is no register of MRS and MSR: their op0 is 2 or 3.", nameof(register));

    private void Branch(uint word, Arm64Label label, int shift, int bits)
    {
        ArgumentNullException.ThrowIfNull(label);
        _fixups.Add((_words.Count, label, shift, bits));
        Word(word);
    }
}

/// <summary>A place that branches of an <see cref="Arm64Assembler"/> lead to; <see cref="Arm64Assembler.Mark"/> says where.</summary>
public sealed class Arm64Label
{
    internal int? Index { get; set; }
}
