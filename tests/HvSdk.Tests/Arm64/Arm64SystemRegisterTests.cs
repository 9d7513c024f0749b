using HvSdk.Backends;

namespace HvSdk.Tests.Arm64;

public sealed class Arm64SystemRegisterTests
{
    /// <summary>MRS and MSR as the GNU assembler encodes them: bits 20 to 5 are the register.</summary>
    [Theory]
    [InlineData(0xD538_1003, "SCTLR_EL1")]
    [InlineData(0xD51B_E344, "CNTV_CVAL_EL0")]
    [InlineData(0xD538_00A0, "MPIDR_EL1")]
    [InlineData(0xD518_4101, "SP_EL0")]
    [InlineData(0xD53C_4102, "SP_EL1")]
    [InlineData(0xD530_0381, "DBGBVR3_EL1")]
    [InlineData(0xD530_0FE1, "DBGWCR15_EL1")]
    [InlineData(0xD538_CC01, "ICC_IAR1_EL1")]
    [InlineData(0xD518_CC21, "ICC_EOIR1_EL1")]
    [InlineData(0xD518_CBA1, "ICC_SGI1R_EL1")]
    [InlineData(0xD53B_4401, "FPCR")]
    [InlineData(0xD53B_E041, "CNTVCT_EL0")]
    [InlineData(0xD53B_D061, "TPIDRRO_EL0")]
    [InlineData(0xD538_F221, "S3_0_C15_C2_1")]
    public void Encoding_OfAnInstruction_HasTheArchitecturesName(uint instruction, string name) =>
        Assert.Equal(name, new Arm64SystemRegister((ushort)(instruction >> 5)).ToString());

    [Fact]
    public void Names_AllProperties_DifferAndMatchTheirEncoding()
    {
        Arm64SystemRegister[] registers = [.. typeof(Arm64SystemRegister).GetProperties()
            .Where(static property => property.PropertyType == typeof(Arm64SystemRegister))
            .Select(static property => (Property: property, Register: (Arm64SystemRegister)property.GetValue(null)!))
            .Select(static named =>
            {
                Assert.Equal(named.Property.Name, named.Register.ToString().Replace("_", "", StringComparison.Ordinal), ignoreCase: true);
                return named.Register;
            }),];
        Assert.True(registers.Length > 60);
        Assert.Equal(registers.Length, registers.Distinct().Count());
        Assert.All(registers, static register => Assert.Equal(
            register, Arm64SystemRegister.Create(register.Op0, register.Op1, register.Crn, register.Crm, register.Op2)));
    }

    [Fact]
    public void Create_FieldTooLarge_IsRefused()
    {
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => Arm64SystemRegister.Create(3, 8, 0, 0, 0));
        Assert.Contains("op1 of a system register is 0 to 7, and this is 8", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Arm64SystemRegister.Create(-1, 0, 0, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Arm64SystemRegister.DbgBvrEl1(16));
    }

    /// <summary>ISS of class 0x18: op0, op2, op1, CRn, Rt, CRm, direction (Arm ARM, D19.2.37).</summary>
    [Fact]
    public void Syndrome_OfATrappedAccess_NamesRegisterOperandAndDirection()
    {
        Arm64SystemRegister register = Arm64SystemRegister.IccSgi1REl1;
        uint iss = (3U << 20) | (5U << 17) | (0U << 14) | (12U << 10) | (7U << 5) | (11U << 1);
        var write = new Arm64Syndrome((0x18UL << 26) | iss);
        Assert.Equal((Arm64ExceptionClass.SystemRegister, register, 7, false), (write.Class, write.SystemRegister, write.SystemRegisterOperand, write.ReadsSystemRegister));
        Assert.True(new Arm64Syndrome(write.Value | 1).ReadsSystemRegister);
        Assert.All(Enumerable.Range(0, 1 << 16), bits => _ = new Arm64Syndrome((ulong)bits * 0x1_0001).SystemRegister);
    }
}
