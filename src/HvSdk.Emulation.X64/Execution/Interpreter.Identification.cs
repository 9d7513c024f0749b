namespace HvSdk.Emulation;

/// <summary>CPUID: the machine's answers, and in them what follows from registers that the guest sets (Intel SDM vol. 2A, CPUID; vol. 1, 13.2).</summary>
internal static partial class Interpreter<TMachine>
{
    private const uint FeatureLeaf = 1;
    private const uint OsXsaveBit = 1U << 27; // of its ECX

    private const uint ExtendedFeatureLeaf = 7;
    private const uint OsProtectionKeysBit = 1U << 4; // of the ECX of its subleaf 0

    private const uint StateLeaf = 0xD;
    private const uint CompactedForms = 0xA; // XSAVEC and XSAVES, in the EAX of its subleaf 1
    private const uint AlignedComponent = 2; // in the ECX of a component's subleaf

    private const uint SupervisorStateMsr = 0xDA0; // IA32_XSS

    internal static bool Identify(Core c, ref TMachine m, in Op op)
    {
        uint leaf = (uint)c.Gpr[RegisterIndex.Rax];
        uint subleaf = (uint)c.Gpr[RegisterIndex.Rcx];
        m.Cpuid(leaf, subleaf, out uint eax, out uint ebx, out uint ecx, out uint edx);
        switch (leaf)
        {
            case FeatureLeaf:
                ecx = (ecx & ~OsXsaveBit) | ((c.State.Cr4 & X64Cr4.OsXsave) != 0 ? OsXsaveBit : 0);
                break;
            case ExtendedFeatureLeaf when subleaf == 0:
                ecx = (ecx & ~OsProtectionKeysBit) | ((c.State.Cr4 & FlagBits.Cr4ProtectionKeys) != 0 ? OsProtectionKeysBit : 0);
                break;
            case StateLeaf when subleaf == 0 && ebx != 0:
                EnsureVector(c, ref m);
                ebx = SizeOfState(ref m, c.State.Xcr0, isCompacted: false);
                break;
            case StateLeaf when subleaf == 1 && (eax & CompactedForms) != 0:
                EnsureVector(c, ref m);
                ebx = SizeOfState(ref m, c.State.Xcr0 | (m.TryReadMsr(SupervisorStateMsr, out ulong supervisor) ? supervisor : 0), isCompacted: true);
                break;
        }

        c.Gpr[RegisterIndex.Rax] = eax;
        c.Gpr[RegisterIndex.Rbx] = ebx;
        c.Gpr[RegisterIndex.Rcx] = ecx;
        c.Gpr[RegisterIndex.Rdx] = edx;
        return true;
    }

    /// <summary>Bytes of an XSAVE area with these components: up to the end of the last one, or one behind the other.</summary>
    private static uint SizeOfState(ref TMachine m, ulong components, bool isCompacted)
    {
        uint end = VectorLayout.YmmHighHalves;
        for (int i = 2; i < 63 && components >> i != 0; i++)
        {
            if ((components & (1UL << i)) == 0)
            {
                continue;
            }

            (uint size, uint position, uint flags) = (VectorLayout.AvxSize, VectorLayout.YmmHighHalves, 0);
            if (i > 2)
            {
                m.Cpuid(StateLeaf, (uint)i, out size, out position, out flags, out _);
            }

            end = isCompacted && (flags & AlignedComponent) != 0 ? (end + 63) & ~63U : end;
            end = isCompacted ? end + size : uint.Max(end, position + size);
        }

        return end;
    }
}
