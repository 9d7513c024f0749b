namespace HvSdk.Backends;

/// <summary>Memory that holds a guest's translation tables.</summary>
public interface IArm64TableMemory
{
    /// <summary>Reads an aligned descriptor.</summary>
    /// <param name="address">Its GPA.</param>
    /// <param name="descriptor">The descriptor.</param>
    /// <returns>False where no memory is.</returns>
    bool TryRead(ulong address, out ulong descriptor);
}

/// <summary>The registers that govern a guest's own translation at EL1 and EL0 (Arm ARM, D8.1).</summary>
/// <param name="Control">SCTLR_EL1.</param>
/// <param name="Translation">TCR_EL1.</param>
/// <param name="Table0">TTBR0_EL1.</param>
/// <param name="Table1">TTBR1_EL1.</param>
public readonly record struct Arm64TranslationRegisters(ulong Control, ulong Translation, ulong Table0, ulong Table1);

/// <summary>
/// Finds the GPA of a guest's virtual address in the guest's tables (Arm ARM, D8.2): for reading an instruction that has left the guest. Rights are not looked at, since
/// the processor has done so; tables are the guest's, and may say anything.
/// </summary>
public static class Arm64TableWalk
{
    private const ulong MmuEnabled = 1;
    private const ulong AddressMask = 0x0000_FFFF_FFFF_F000;
    private const ulong SmallTableMask = 0x0000_FFFF_FFFF_FFC0;
    private const int DescriptorBits = 3;
    private const int LastLevel = 3;
    private const int MaxAddressBits = 48;

    /// <summary>Translates.</summary>
    /// <typeparam name="TMemory">The memory's type; a struct costs no virtual call.</typeparam>
    /// <param name="memory">The memory.</param>
    /// <param name="registers">The registers.</param>
    /// <param name="address">The virtual address.</param>
    /// <param name="guestPhysical">Its GPA.</param>
    /// <returns>False where the tables lead nowhere.</returns>
    public static bool TryTranslate<TMemory>(ref TMemory memory, in Arm64TranslationRegisters registers, ulong address, out ulong guestPhysical)
        where TMemory : IArm64TableMemory
    {
        guestPhysical = address;
        if ((registers.Control & MmuEnabled) == 0)
        {
            return true;
        }

        bool isUpper = (address >> 55 & 1) != 0;
        int addressBits = 64 - (int)((isUpper ? registers.Translation >> 16 : registers.Translation) & 0x3F); // T1SZ, T0SZ
        bool isDisabled = (registers.Translation >> (isUpper ? 23 : 7) & 1) != 0; // EPD1, EPD0
        int granuleBits = GranuleBits(registers.Translation, isUpper);
        if (isDisabled || granuleBits == 0 || addressBits > MaxAddressBits || addressBits <= granuleBits || !IsCanonical(address, addressBits, isUpper))
        {
            return false;
        }

        int levelBits = granuleBits - DescriptorBits;
        int level = LastLevel + 1 - ((addressBits - granuleBits + levelBits - 1) / levelBits);
        ulong table = (isUpper ? registers.Table1 : registers.Table0) & SmallTableMask;
        int bits = addressBits;
        while (true)
        {
            int shift = granuleBits + ((LastLevel - level) * levelBits);
            ulong index = (address & ((1UL << bits) - 1)) >> shift;
            if (!memory.TryRead(table + (index << DescriptorBits), out ulong descriptor) || (descriptor & 1) == 0)
            {
                return false;
            }

            bool isTable = (descriptor & 2) != 0;
            if (level == LastLevel ? isTable : !isTable)
            {
                ulong offset = (1UL << shift) - 1;
                guestPhysical = (descriptor & AddressMask & ~offset) | (address & offset);
                return true;
            }

            if (level == LastLevel)
            {
                return false;
            }

            table = descriptor & AddressMask & ~((1UL << granuleBits) - 1);
            bits = shift;
            level++;
        }
    }

    /// <summary>TG0 and TG1: 4, 16 or 64 KiB; 0 where the value is reserved.</summary>
    private static int GranuleBits(ulong translation, bool isUpper) => (isUpper, (int)(translation >> (isUpper ? 30 : 14) & 3)) switch
    {
        (false, 0) or (true, 2) => 12,
        (false, 2) or (true, 1) => 14,
        (false, 1) or (true, 3) => 16,
        _ => 0,
    };

    /// <summary>The bits above the translated ones, up to the tag, are those of bit 55.</summary>
    private static bool IsCanonical(ulong address, int addressBits, bool isUpper)
    {
        ulong above = (address & ((1UL << 56) - 1)) >> addressBits;
        return above == (isUpper ? (1UL << (56 - addressBits)) - 1 : 0);
    }
}
