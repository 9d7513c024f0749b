namespace HvSdk.Backends;

/// <summary>
/// A load or store that has left the guest, as data: what moves between which register and memory. A host tells it by the syndrome of the abort where it can; for pairs,
/// SIMD registers and forms that write their base back the instruction has to be read (<see cref="TryDecode"/>).
/// </summary>
public readonly record struct Arm64MmioAccess
{
    /// <summary>Number of the register that reads as zero and keeps nothing, and, as a base, of the stack pointer.</summary>
    public const int ZeroRegister = 31;

    private const int NoRegister = -1;

    /// <summary>The access is a store.</summary>
    public bool IsWrite { get; init; }

    /// <summary>Bytes of each element: 1, 2, 4, 8, and 16 for SIMD registers.</summary>
    public int Size { get; init; }

    /// <summary>The register of the first element: X0 to X30 and 31 for XZR, or V0 to V31.</summary>
    public int Register { get; init; }

    /// <summary>The register of the second element of a pair, or -1.</summary>
    public int SecondRegister { get; init; }

    /// <summary>The registers are V0 to V31.</summary>
    public bool IsSimd { get; init; }

    /// <summary>A load extends the sign.</summary>
    public bool IsSigned { get; init; }

    /// <summary>A load fills 64 bits of the register; else 32, and the rest is zero.</summary>
    public bool Is64Bit { get; init; }

    /// <summary>The register that the instruction moves, by <see cref="WriteBack"/>: X0 to X30 and 31 for the stack pointer; or -1.</summary>
    public int BaseRegister { get; init; }

    /// <summary>What is added to the base register, in bytes.</summary>
    public int WriteBack { get; init; }

    /// <summary>Elements: 1, or 2 for a pair.</summary>
    public int Count => SecondRegister == NoRegister ? 1 : 2;

    /// <summary>The access of a data abort whose syndrome describes it.</summary>
    /// <param name="syndrome">The syndrome; <see cref="Arm64Syndrome.DescribesAccess"/> holds.</param>
    public static Arm64MmioAccess FromSyndrome(Arm64Syndrome syndrome) => new()
    {
        IsWrite = syndrome.IsWrite,
        Size = 1 << (int)((syndrome.Iss >> 22) & 3), // SAS
        Register = (int)(syndrome.Iss >> 16) & 31, // SRT
        SecondRegister = NoRegister,
        IsSigned = (syndrome.Iss & (1 << 21)) != 0, // SSE
        Is64Bit = (syndrome.Iss & (1 << 15)) != 0, // SF
        BaseRegister = NoRegister,
    };

    /// <summary>Reads a load or store instruction (Arm ARM, C4.1.94).</summary>
    /// <param name="instruction">Its 32 bits.</param>
    /// <param name="access">The access.</param>
    /// <returns>False for what no device can answer or nobody does to one: exclusives, atomics, SIMD structures, tags, cache maintenance, and all that is no load or store.</returns>
    public static bool TryDecode(uint instruction, out Arm64MmioAccess access) => (instruction >> 27 & 7, instruction >> 24 & 3) switch
    {
        (0b101, <= 1) => TryDecodePair(instruction, out access),
        (0b111, 1) => TryDecodeRegister(instruction, NoRegister, 0, out access),
        (0b111, 0) => TryDecodeRegister(instruction, out access),
        (0b011, 0) => TryDecodeLiteral(instruction, out access),
        (0b001, 0) => TryDecodeOrdered(instruction, out access),
        _ => Refuse(out access),
    };

    /// <summary>What a load leaves in its register.</summary>
    /// <param name="value">What was read, zero-extended from <see cref="Size"/> bytes.</param>
    public ulong Extend(ulong value)
    {
        if (!IsSigned)
        {
            return value;
        }

        int shift = 64 - (Size * 8);
        ulong extended = (ulong)((long)(value << shift) >> shift);
        return Is64Bit ? extended : (uint)extended;
    }

    private static uint Bits(uint instruction, int low, int count) => (instruction >> low) & ((1U << count) - 1);

    private static int SignedBits(uint instruction, int low, int count) => (int)(instruction << (32 - low - count)) >> (32 - count);

    private static bool IsSimdForm(uint instruction) => Bits(instruction, 26, 1) != 0;

    private static bool Refuse(out Arm64MmioAccess access)
    {
        access = default;
        return false;
    }

    /// <summary>LDP, STP, LDNP, STNP, LDPSW and their SIMD forms.</summary>
    private static bool TryDecodePair(uint instruction, out Arm64MmioAccess access)
    {
        uint opc = Bits(instruction, 30, 2);
        bool isSimd = IsSimdForm(instruction);
        bool isLoad = Bits(instruction, 22, 1) != 0;
        bool isSigned = !isSimd && opc == 1;
        if (opc == 3 || (isSigned && !isLoad))
        {
            return Refuse(out access);
        }

        int size = isSimd ? 4 << (int)opc : opc == 2 ? 8 : 4;
        bool writesBack = Bits(instruction, 23, 1) != 0; // post-indexed 01, pre-indexed 11
        access = new()
        {
            IsWrite = !isLoad,
            Size = size,
            Register = (int)Bits(instruction, 0, 5),
            SecondRegister = (int)Bits(instruction, 10, 5),
            IsSimd = isSimd,
            IsSigned = isSigned,
            Is64Bit = size == 8 || isSigned,
            BaseRegister = writesBack ? (int)Bits(instruction, 5, 5) : NoRegister,
            WriteBack = writesBack ? SignedBits(instruction, 15, 7) * size : 0,
        };
        return true;
    }

    /// <summary>LDR, STR and their kin with an unscaled or indexed immediate, or a register as offset.</summary>
    private static bool TryDecodeRegister(uint instruction, out Arm64MmioAccess access)
    {
        bool hasRegisterForm = Bits(instruction, 21, 1) != 0;
        switch (hasRegisterForm, Bits(instruction, 10, 2))
        {
            case (false, 0b00 or 0b10): // LDUR, LDTR
            case (true, 0b10):
                return TryDecodeRegister(instruction, NoRegister, 0, out access);
            case (false, _): // post- and pre-indexed
                return TryDecodeRegister(instruction, (int)Bits(instruction, 5, 5), SignedBits(instruction, 12, 9), out access);
            default:
                return TryDecodeAcquire(instruction, out access);
        }
    }

    private static bool TryDecodeRegister(uint instruction, int baseRegister, int writeBack, out Arm64MmioAccess access)
    {
        uint size = Bits(instruction, 30, 2);
        uint opc = Bits(instruction, 22, 2);
        bool isSimd = IsSimdForm(instruction);
        if (isSimd && opc >= 2)
        {
            if (size != 0)
            {
                return Refuse(out access);
            }

            size = 4; // 128 bits
        }
        else if (!isSimd && (opc, size) is (2, 3) or (3, >= 2))
        {
            return Refuse(out access); // PRFM, and what is not allocated
        }

        bool isSigned = !isSimd && opc >= 2;
        access = new()
        {
            IsWrite = isSimd ? (opc & 1) == 0 : opc == 0,
            Size = 1 << (int)size,
            Register = (int)Bits(instruction, 0, 5),
            SecondRegister = NoRegister,
            IsSimd = isSimd,
            IsSigned = isSigned,
            Is64Bit = isSigned ? opc == 2 : size == 3,
            BaseRegister = baseRegister,
            WriteBack = writeBack,
        };
        return true;
    }

    /// <summary>LDR and LDRSW of an address relative to the program counter.</summary>
    private static bool TryDecodeLiteral(uint instruction, out Arm64MmioAccess access)
    {
        uint opc = Bits(instruction, 30, 2);
        bool isSimd = IsSimdForm(instruction);
        if (opc == 3)
        {
            return Refuse(out access); // PRFM
        }

        bool isSigned = !isSimd && opc == 2;
        int size = isSigned ? 4 : 4 << (int)opc;
        access = new()
        {
            Size = size,
            Register = (int)Bits(instruction, 0, 5),
            SecondRegister = NoRegister,
            IsSimd = isSimd,
            IsSigned = isSigned,
            Is64Bit = isSigned || size == 8,
            BaseRegister = NoRegister,
        };
        return true;
    }

    /// <summary>LDAR, STLR and the LO forms; exclusives are refused.</summary>
    private static bool TryDecodeOrdered(uint instruction, out Arm64MmioAccess access)
    {
        bool isOrdered = Bits(instruction, 23, 1) != 0 && Bits(instruction, 21, 1) == 0;
        return isOrdered && !IsSimdForm(instruction) ? Plain(instruction, isWrite: Bits(instruction, 22, 1) == 0, out access) : Refuse(out access);
    }

    /// <summary>LDAPR; the atomics around it are refused.</summary>
    private static bool TryDecodeAcquire(uint instruction, out Arm64MmioAccess access) =>
        (instruction & 0x3FFF_FC00) == 0x38BF_C000 ? Plain(instruction, isWrite: false, out access) : Refuse(out access);

    private static bool Plain(uint instruction, bool isWrite, out Arm64MmioAccess access)
    {
        uint size = Bits(instruction, 30, 2);
        access = new()
        {
            IsWrite = isWrite,
            Size = 1 << (int)size,
            Register = (int)Bits(instruction, 0, 5),
            SecondRegister = NoRegister,
            Is64Bit = size == 3,
            BaseRegister = NoRegister,
        };
        return true;
    }
}
