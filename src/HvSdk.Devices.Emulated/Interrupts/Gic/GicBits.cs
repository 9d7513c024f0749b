namespace HvSdk.Devices.Emulated;

/// <summary>Registers and bits of a GICv3 (Arm IHI 0069H), for one that has a single Security state (GICD_CTLR.DS is 1), as systems without EL3 have it.</summary>
internal static class GicBits
{
    /* 2.2: INTIDs. */
    public const int SgiCount = 16;
    public const int PrivateCount = 32;
    public const int SharedLimit = 1020;
    public const uint Spurious = 1023;
    public const int WordBits = 32;

    /* 4.8: priorities have five bits; lower is more urgent. */
    public const int PriorityBits = 5;
    public const byte PriorityMask = 0xF8;
    public const byte IdlePriority = 0xFF;
    public const int PriorityShift = 8 - PriorityBits;

    /* 12.9: the distributor. */
    public const uint DistributorControl = 0x0000;
    public const uint DistributorType = 0x0004;
    public const uint DistributorImplementer = 0x0008;
    public const uint Routes = 0x6000; // GICD_IROUTER<n>, n from 32 on
    public const uint RoutesEnd = Routes + (8 * SharedLimit);

    /* 12.9.4, GICD_CTLR with DS = 1. */
    public const uint EnableGroup0 = 1 << 0;
    public const uint EnableGroup1 = 1 << 1;
    public const uint AffinityRouting = 1 << 4; // always on
    public const uint DisableSecurity = 1 << 6; // always on

    /* 12.9.38, GICD_TYPER. */
    public const int IdBitsShift = 19; // interrupt identifiers have so many bits, less one
    public const uint IdBits = 9;
    public const uint NoOneOfN = 1 << 25;

    /* 12.9.26 and 12.11.23: an implementation of no maker's product. */
    public const uint Implementer = 0x0000_043B;

    /* 12.1.3: architecture version 3 in bits 7 to 4. */
    public const uint PeripheralId2 = 0xFFE8;
    public const uint PeripheralId2Value = 0x3B;

    /* Offsets that the distributor and the SGI frame of a redistributor share (12.8, table 12-25 and 12.10, table 12-29). */
    public const uint Group = 0x0080;
    public const uint SetEnable = 0x0100;
    public const uint ClearEnable = 0x0180;
    public const uint SetPending = 0x0200;
    public const uint ClearPending = 0x0280;
    public const uint SetActive = 0x0300;
    public const uint ClearActive = 0x0380;
    public const uint Priority = 0x0400;
    public const uint PriorityEnd = 0x0800;
    public const uint Configuration = 0x0C00;
    public const uint ConfigurationEnd = 0x0D00;

    /* 12.10: a redistributor's two frames. */
    public const uint SgiFrame = 0x1_0000;
    public const uint RedistributorImplementer = 0x0004;
    public const uint RedistributorType = 0x0008;
    public const uint Waker = 0x0014;

    /* 12.11.35, GICR_TYPER. */
    public const int ProcessorNumberShift = 8;
    public const uint LastRedistributor = 1 << 4;

    /* 12.11.42, GICR_WAKER. */
    public const uint ProcessorSleep = 1 << 1;
    public const uint ChildrenAsleep = 1 << 2;

    /* 12.2.6, ICC_CTLR_EL1. */
    public const uint CommonBinaryPoint = 1 << 0;
    public const uint EndModeSplit = 1 << 1;
    public const int InterfacePriorityBitsShift = 8;

    /* 12.2.5: the least binary points for five bits of priority; that of group 1 is one more (4.8.6, table 4-9). */
    public const byte LeastBinaryPoint0 = 8 - PriorityBits - 1;
    public const byte LeastBinaryPoint1 = LeastBinaryPoint0 + 1;
    public const byte MostBinaryPoint = 7;

    /* 12.2.22, ICC_SRE_EL1: system registers alone, no bypass. */
    public const ulong SystemRegisters = 7;

    /* 12.2.20, ICC_SGI1R_EL1. */
    public const int SgiNumberShift = 24;
    public const ulong SgiToAllOthers = 1UL << 40;
    public const int SgiRangeShift = 44;
}
