namespace HvSdk.Emulation.Differential;

/// <summary>Descriptors and gates: good ones, and ones with something wrong. (SDM vol. 3A, 3.4.5, 5.8.3 and 6.11)</summary>
internal static class RandomDescriptors
{
    private const ulong PresentBit = 1UL << 47;
    private const ulong CodeOrDataBit = 1UL << 44;
    private const ulong LongBit = 1UL << 53;
    private const ulong Default32Bit = 1UL << 54;
    private const ulong GranularBit = 1UL << 55;
    private const ulong LargestLimit = 0x000F_0000_0000_FFFF;
    private const int TypeShift = 40;
    private const int LevelShift = 45;

    private const ulong ReadableCode = 0xA;
    private const ulong WritableData = 0x2;

    /// <summary>The descriptor of a level's segment.</summary>
    /// <param name="random">Where from.</param>
    /// <param name="kind">Code of 32, 64 or 16 bits, or data.</param>
    /// <param name="level">Its privilege level.</param>
    public static ulong OfLevel(ref RandomSource random, LevelSegment kind, int level)
    {
        ulong type = kind == LevelSegment.Data ? WritableData : ReadableCode;
        ulong value = CodeOrDataBit | PresentBit | ((ulong)level << LevelShift) | ((type | (random.Chance(50) ? 1UL : 0)) << TypeShift);
        value |= kind switch
        {
            LevelSegment.Code16 => (MachineMap.Code << 16) | 0xFFFF,
            LevelSegment.Code64 => LargestLimit | GranularBit | LongBit,
            _ => LargestLimit | GranularBit | Default32Bit,
        };
        return random.Chance(6) ? Spoil(ref random, value) : value;
    }

    /// <summary>Any code or data.</summary>
    /// <param name="random">Where from.</param>
    public static ulong CodeOrData(ref RandomSource random)
    {
        ulong value = CodeOrDataBit | ((ulong)random.Below(16) << TypeShift) | ((ulong)random.Below(4) << LevelShift);
        value |= random.Chance(85) ? PresentBit : 0;
        value |= random.Below(4) switch
        {
            0 => LargestLimit | GranularBit | Default32Bit,
            1 => LargestLimit | GranularBit | LongBit,
            2 => (MachineMap.Code << 16) | 0xFFFF,
            _ => (MachineMap.Arena << 16) | (ulong)(uint)(0xFFF + random.Below(0x8000)) | (random.Chance(50) ? Default32Bit : 0),
        };
        return random.Chance(20) ? Spoil(ref random, value) : value;
    }

    /// <summary>A system descriptor: call gate, TSS, LDT, or any other type.</summary>
    /// <param name="random">Where from.</param>
    /// <param name="isLong">Of IA-32e mode.</param>
    public static (ulong Low, ulong High) System(ref RandomSource random, bool isLong)
    {
        ulong present = random.Chance(88) ? PresentBit : 0;
        ulong level = (ulong)(random.Chance(50) ? 3 : random.Below(4)) << LevelShift;
        switch (random.Below(10))
        {
            case < 5:
                const ulong callGate16 = 4, callGate32 = 0xC;
                ulong type = !isLong && random.Chance(30) ? callGate16 : callGate32;
                return Gate(ref random, isLong, type, level | present | ((ulong)random.Below(isLong ? 1 : 4) << 32));
            case 5 or 6:
                const ulong freeTss32 = 9;
                return (Table(MachineMap.Tss, 0x2068, freeTss32 | (random.Chance(30) ? 2UL : 0)) | level | present, 0);
            case 7:
                const ulong localTable = 2;
                return (Table(SystemMap.LocalTable, (SystemMap.LocalCount * sizeof(ulong)) - 1, localTable) | level | present, 0);
            default:
                return (Table(MachineMap.Tss, 0x2068, (ulong)random.Below(16)) | level | present, random.Chance(10) ? random.Next() : 0);
        }
    }

    /// <summary>A gate of the IDT.</summary>
    /// <param name="random">Where from.</param>
    /// <param name="isLong">Of IA-32e mode.</param>
    public static (ulong Low, ulong High) InterruptGate(ref RandomSource random, bool isLong)
    {
        ulong present = random.Chance(90) ? PresentBit : 0;
        ulong level = (ulong)(random.Chance(70) ? 3 : random.Below(4)) << LevelShift;
        ulong type = random.Chance(90) ? random.Pick<ulong>(isLong ? [0xE, 0xF] : [0xE, 0xF, 6, 7]) : (ulong)random.Below(16);
        return Gate(ref random, isLong, type, level | present | ((ulong)(isLong && random.Chance(40) ? random.Below(8) : 0) << 32));
    }

    private static (ulong Low, ulong High) Gate(ref RandomSource random, bool isLong, ulong type, ulong rest)
    {
        bool isNarrow = (type & 8) == 0; // its offset has 16 bits, and reaches what ends cases in code with a base alone
        Target target = isNarrow
            ? new(Target.Level(LevelSegment.Code16, random.Below(4), random.Below(4)), MachineMap.Landing - MachineMap.Code)
            : Target.Code(ref random, isLong, random.Below(4), isLong ? 64 : 0);
        ulong offset = target.Offset;
        ulong high = isLong && random.Chance(3) ? random.Next() & 0xFFFF_FFFF : 0;
        return ((offset & 0xFFFF) | ((ulong)target.Selector << 16) | rest | (type << TypeShift) | ((offset & 0xFFFF_0000) << 32), high);
    }

    private static ulong Table(ulong address, ulong limit, ulong type) =>
        (limit & 0xFFFF) | ((address & 0xFF_FFFF) << 16) | (type << TypeShift) | (((limit >> 16) & 0xF) << 48);

    // Turns a bit of type, level, presence, size or limit.
    private static ulong Spoil(ref RandomSource random, ulong value) => value ^ (1UL << random.Pick<int>([40, 41, 42, 43, 44, 45, 46, 47, 52, 53, 54, 55, 51, 15]));
}

/// <summary>A level's segments, in the order of their descriptors.</summary>
internal enum LevelSegment
{
    Code32,
    Code64,
    Code16,
    Data,
}
